"""Tracks whose points stay at their last known place where they are not visible.

Shape suffixes: N points, T frames.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import F32, Bool
from schemas.records import Tracks


def held_tracks(xy_NT2: F32, visible_NT: Bool, on_person_NT: Bool, query_frame_N: NDArray[np.int32]) -> Tracks:
    """Tracks with places held: before the query frame the place there, later the last place that was visible."""
    count, frames = visible_NT.shape
    last_NT = np.where(visible_NT, np.arange(frames), -1)
    last_NT = np.maximum.accumulate(last_NT, axis=1) if frames else last_NT
    last_NT = np.where(last_NT < 0, query_frame_N[:, None], last_NT)
    held_NT2 = xy_NT2[np.arange(count)[:, None], last_NT]
    return Tracks(held_NT2.astype(np.float32), visible_NT, on_person_NT, query_frame_N)


def no_tracks(frames: int) -> Tracks:
    """Tracks of no points over so many frames."""
    nowhere = np.empty((0, frames), np.bool_)
    return Tracks(np.empty((0, frames, 2), np.float32), nowhere, nowhere, np.empty(0, np.int32))
