"""Which points are followed: corners of the background on a grid, chosen anew every few seconds.

Shape suffixes: T frames, N points.
"""

from __future__ import annotations

import numpy as np

from models.annotators.lucas_kanade.seeding import Grid
from schemas.arrays import F32, U8, Bool

_EVERY_S = 2.0
_NO_POINTS = np.empty((0, 2), np.float32)


def query_frames(frames: int, fps: float) -> list[int]:
    """Frames at which points are chosen: the first, and others every two seconds."""
    return list(range(0, frames, max(1, round(_EVERY_S * fps))))


def choose_queries(luma_THW: U8, blocked_THW: Bool, fps: float, points: int) -> F32:
    """(N, 3) frame, x, y of at most `points` points a query frame, none where `blocked_THW` is set."""
    frames, height, width = luma_THW.shape
    grid = Grid.over(points, height, width)
    chosen = []
    for frame in query_frames(frames, fps):
        xy_K2 = grid.new_points(luma_THW[frame], blocked_THW[frame], _NO_POINTS, points)
        chosen.append(np.column_stack([np.full(len(xy_K2), frame), xy_K2]))
    return np.concatenate(chosen).astype(np.float32) if chosen else np.empty((0, 3), np.float32)
