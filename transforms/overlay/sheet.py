"""Contact sheets: many small pictures in one."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from schemas.arrays import U8

_GAP, _GROUND = 4, 24


def contact_sheet(rows: Sequence[Sequence[U8]], height: int = 180) -> U8:
    """One RGB picture from rows of RGB pictures, each scaled to `height` px, laid out as by `shelved`.

    Raises ValueError if there is nothing to show.
    """
    return shelved([np.hstack([_scaled(picture, height) for picture in row]) for row in rows if row])


def shelved(strips: Sequence[U8]) -> U8:
    """One picture; narrow strips stand side by side, each in the first line with room.

    It is as wide as the widest strip, or up to twice that where it then leaves less empty. Raises ValueError if there
    is nothing to show.
    """
    if not strips:
        raise ValueError("a contact sheet needs at least one picture")
    framed = [np.pad(strip, ((0, _GAP), (0, _GAP), (0, 0)), constant_values=_GROUND) for strip in strips]
    widths = sorted(strip.shape[1] for strip in framed)
    side_by_side = (int(width) for width in np.cumsum(widths) if widths[-1] < width <= 2 * widths[-1])
    sheets = {width: _shelves(framed, width) for width in (widths[-1], *side_by_side)}
    width = min(sheets, key=lambda width: width * sum(_height(shelf) for shelf in sheets[width]))
    return np.vstack([_line(shelf, width) for shelf in sheets[width]])


def _shelves(strips: Sequence[U8], width: int) -> list[list[U8]]:
    shelves: list[list[U8]] = []
    for strip in strips:
        room = (shelf for shelf in shelves if sum(s.shape[1] for s in shelf) + strip.shape[1] <= width)
        shelf = next(room, None)
        if shelf is None:
            shelves.append([strip])
        else:
            shelf.append(strip)
    return shelves


def _height(shelf: Sequence[U8]) -> int:
    return max(len(strip) for strip in shelf)


def _line(shelf: Sequence[U8], width: int) -> U8:
    """Strips side by side on the ground colour."""
    line_HW3 = np.full((_height(shelf), width, 3), _GROUND, np.uint8)
    left = 0
    for strip in shelf:
        line_HW3[: strip.shape[0], left : left + strip.shape[1]] = strip
        left += strip.shape[1]
    return line_HW3


def write_png(path: str, rgb_HW3: U8) -> None:
    """Write a picture as PNG. Raises OSError if the file cannot be written."""
    if not cv2.imwrite(path, cv2.cvtColor(rgb_HW3, cv2.COLOR_RGB2BGR)):
        raise OSError(f"cannot write the picture {path}")


def _scaled(rgb_HW3: U8, height: int) -> U8:
    width = max(1, round(rgb_HW3.shape[1] * height / rgb_HW3.shape[0]))
    return np.asarray(cv2.resize(rgb_HW3, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
