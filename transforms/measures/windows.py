"""Pieces of a video that a video network looks at."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from schemas.arrays import U8
from transforms.measures.film import Film

WINDOW = 16
"""Frames."""


def windows(film: Film, stride: int) -> Iterator[U8]:
    """Pieces of `WINDOW` frames, one every `stride`; of a shorter video one, its last frame repeated."""
    missing = WINDOW - len(film)
    if missing > 0:
        whole = film[:]
        yield np.concatenate([whole, np.repeat(whole[-1:], missing, 0)])
    for start in range(0, 1 - missing, stride):
        yield film[start : start + WINDOW]
