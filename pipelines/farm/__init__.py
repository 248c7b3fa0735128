"""Batches of renderings: the jobs, their validation and planning, and the pool that renders them."""
