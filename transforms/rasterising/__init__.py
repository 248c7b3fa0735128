"""Condition images for the generator: skeletons as coloured limbs, background points as dots."""
