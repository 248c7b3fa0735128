"""How far the ground of a video moves from the tracks that drove it, by following the points again.

Shape suffixes: T frames, N points, H rows, W columns.
"""

from __future__ import annotations

import cv2
import numpy as np

from models.annotators.lucas_kanade.flow import follow
from schemas.arrays import F32, U8, Bool

_SHORT_SIDE = 256
"""Smaller pictures are enlarged to this shorter side, px: the tracker's window is made for detail of that size."""
_MOST_BACK_PX = 2.0
"""Error of the way back at which a point is lost."""


def follow_points(luma_THW: U8, xy_N2: F32) -> F32:
    """(T, N, 2) px: points of the first frame followed through a video; a lost point stays where it was last seen."""
    height, width = luma_THW.shape[1:]
    scale = max(1.0, _SHORT_SIDE / min(height, width))
    size = round(width * scale), round(height * scale)
    stretch = np.array(size, np.float32) / np.array([width, height], np.float32)
    before = _enlarged(luma_THW[0], size)
    place = (xy_N2 + np.float32(0.5)) * stretch - np.float32(0.5)
    places, alive = [place], np.ones(len(place), np.bool_)
    for luma in luma_THW[1:]:
        after, place = _enlarged(luma, size), place.copy()
        if alive.any():
            found, confirmed = follow(before, after, np.ascontiguousarray(place[alive]), _MOST_BACK_PX)
            moved = np.flatnonzero(alive)
            place[moved[confirmed]] = found[confirmed]
            alive[moved[~confirmed]] = False
        places.append(place)
        before = after
    return np.asarray((np.stack(places) + np.float32(0.5)) / stretch - np.float32(0.5), np.float32)


def track_error(luma_THW: U8, driving_TN2: F32, visible_TN: Bool) -> float:
    """Mean distance, px, between where driving tracks say points of the ground are and where they are found.

    Over the places that the driving tracks show after the first frame; NaN where there is none.
    """
    counted_TN = visible_TN & visible_TN[0]
    counted_TN[0] = False
    if not counted_TN.any():
        return float("nan")
    shown = visible_TN[0]
    found_TN2 = follow_points(luma_THW, driving_TN2[0, shown])
    distance_TN = np.linalg.norm(found_TN2 - driving_TN2[:, shown], axis=-1)
    return float(distance_TN[counted_TN[:, shown]].mean())


def still_error(driving_TN2: F32, visible_TN: Bool) -> float:
    """The same of a ground that does not move at all: the measure's unit."""
    counted_TN = visible_TN & visible_TN[0]
    counted_TN[0] = False
    if not counted_TN.any():
        return float("nan")
    return float(np.linalg.norm(driving_TN2 - driving_TN2[:1], axis=-1)[counted_TN].mean())


def _enlarged(luma_HW: U8, size: tuple[int, int]) -> U8:
    if luma_HW.shape[::-1] == size:
        return luma_HW
    return np.asarray(cv2.resize(luma_HW, size, interpolation=cv2.INTER_CUBIC), np.uint8)
