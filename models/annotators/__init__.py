"""Annotators behind three small interfaces: pose, masks, tracks."""
