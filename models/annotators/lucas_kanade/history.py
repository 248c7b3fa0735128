"""The growing set of points of a clip."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import F32, Bool
from schemas.records import Tracks


class PointHistory:
    """Places and states of all points so far; one row of the record per frame.

    xy_N2: last known place, px of the working picture. alive_N: still followed.
    """

    def __init__(self) -> None:
        self.xy_N2: F32 = np.empty((0, 2), np.float32)
        self.alive_N: Bool = np.empty(0, np.bool_)
        self._query: list[int] = []
        self._xy: list[F32] = []
        self._alive: list[Bool] = []
        self._covered: list[Bool] = []

    def add(self, xy_K2: F32) -> None:
        """Start points at the current frame."""
        self.xy_N2 = np.concatenate([self.xy_N2, xy_K2])
        self.alive_N = np.concatenate([self.alive_N, np.ones(len(xy_K2), np.bool_)])
        self._query += [len(self._xy)] * len(xy_K2)

    def close_frame(self, covered_N: Bool) -> None:
        """Record the current frame. covered_N: a person's mask covers the place."""
        self._xy.append(self.xy_N2.copy())
        self._alive.append(self.alive_N.copy())
        self._covered.append(covered_N)

    def tracks(self, stretch_xy: tuple[float, float], least_frames: int) -> Tracks:
        """All points seen in at least `least_frames` frames, in px of a picture larger by `stretch_xy`."""
        count, frames = len(self.xy_N2), len(self._xy)
        xy = np.zeros((count, frames, 2), np.float32)
        visible, covered = np.zeros((count, frames), np.bool_), np.zeros((count, frames), np.bool_)
        for t in range(frames):
            known = len(self._alive[t])
            xy[:known, t], visible[:known, t], covered[:known, t] = self._xy[t], self._alive[t], self._covered[t]
        query: NDArray[np.int32] = np.array(self._query, np.int32)
        before = np.arange(frames) < query[:, None]
        start = xy[np.arange(count), query] if count else np.empty((0, 2), np.float32)
        xy = np.where(before[..., None], start[:, None], xy)
        xy = (xy + 0.5) * np.array(stretch_xy, np.float32) - 0.5
        kept = visible.sum(1) >= min(least_frames, frames)
        return Tracks(xy[kept].astype(np.float32), visible[kept], covered[kept], query[kept])
