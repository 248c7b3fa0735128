"""Errors of the system and of FFmpeg as a reader wants them."""

from __future__ import annotations


def in_words(error: Exception) -> str:
    """What went wrong, without number, path and log, as the end of a sentence."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    words = getattr(error, "strerror", None) or str(error)
    return words[:1].lower() + words[1:]
