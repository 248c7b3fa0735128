"""Poses, masks and tracks of a clip, and the scores that need them."""
