"""Frames to stored video and back."""
