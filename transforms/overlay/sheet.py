"""Contact sheets: many small pictures in one."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from schemas.arrays import U8

_GAP = 4


def contact_sheet(rows: Sequence[Sequence[U8]], height: int = 180) -> U8:
    """One RGB picture from rows of RGB pictures, each scaled to `height` px; short rows end in the ground colour.

    Raises ValueError if there is nothing to show.
    """
    strips = [np.hstack([_framed(picture, height) for picture in row]) for row in rows if row]
    if not strips:
        raise ValueError("a contact sheet needs at least one picture")
    width = max(strip.shape[1] for strip in strips)
    padded = [np.pad(s, ((0, 0), (0, width - s.shape[1]), (0, 0)), constant_values=24) for s in strips]
    return np.vstack(padded)


def write_png(path: str, rgb_HW3: U8) -> None:
    """Write a picture as PNG. Raises OSError if the file cannot be written."""
    if not cv2.imwrite(path, cv2.cvtColor(rgb_HW3, cv2.COLOR_RGB2BGR)):
        raise OSError(f"cannot write the picture {path}")


def _framed(rgb_HW3: U8, height: int) -> U8:
    width = max(1, round(rgb_HW3.shape[1] * height / rgb_HW3.shape[0]))
    small = cv2.resize(rgb_HW3, (width, height), interpolation=cv2.INTER_AREA)
    return np.pad(small, ((0, _GAP), (0, _GAP), (0, 0)), constant_values=24)
