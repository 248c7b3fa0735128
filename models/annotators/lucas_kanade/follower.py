"""The living points: moved from frame to frame, ended when a check fails, started anew where cells are empty."""

from __future__ import annotations

import numpy as np

from models.annotators.lucas_kanade.flow import LOOK_SIZE, follow, looks
from models.annotators.lucas_kanade.history import PointHistory
from models.annotators.lucas_kanade.seeding import Grid
from schemas.records import F32, U8, Bool

_LEAST_LIKENESS = 0.7
"""Normalised correlation with the reference look below which a point has drifted off."""
_RENEW_LIKENESS = 0.9
_RENEW_EVERY = 10
"""Frames between renewals of the reference look, from points that still resemble it: pictures turn and zoom."""


class PointFollower:
    """Follows at most `most` points at a time; `points` holds all there have been."""

    def __init__(self, grid: Grid, most: int, most_error_px: float) -> None:
        self.points = PointHistory()
        self._grid = grid
        self._most = most
        self._most_error_px = most_error_px
        self._reference_NP: F32 = np.empty((0, LOOK_SIZE), np.float32)
        self._frame = 0

    def advance(self, before_HW: U8, luma_HW: U8, ended_HW: Bool) -> None:
        """Move living points by one frame; end those that are lost, drifted off, or inside `ended_HW`."""
        self._frame += 1
        living = np.flatnonzero(self.points.alive_N)
        if not len(living):
            return
        xy, confirmed = follow(before_HW, luma_HW, self.points.xy_N2[living], self._most_error_px)
        look = looks(luma_HW, xy)
        likeness = (look * self._reference_NP[living]).sum(1)
        confirmed &= (likeness >= _LEAST_LIKENESS) & ~value_at(ended_HW, xy)
        self.points.xy_N2[living[confirmed]] = xy[confirmed]
        self.points.alive_N[living[~confirmed]] = False
        if self._frame % _RENEW_EVERY == 0:
            renewed = confirmed & (likeness >= _RENEW_LIKENESS)
            self._reference_NP[living[renewed]] = look[renewed]

    def seed(self, luma_HW: U8, blocked_HW: Bool) -> None:
        """Start points in empty cells, outside `blocked_HW`."""
        alive = self.points.xy_N2[self.points.alive_N]
        fresh = self._grid.new_points(luma_HW, blocked_HW, alive, max(0, self._most - len(alive)))
        self.points.add(fresh)
        self._reference_NP = np.concatenate([self._reference_NP, looks(luma_HW, fresh)])


def value_at(mask_HW: Bool, xy_N2: F32) -> Bool:
    """Value of a mask at the nearest pixel of each point, of its border for points outside."""
    column, row = np.rint(xy_N2).astype(np.int64).T
    height, width = mask_HW.shape
    return np.asarray(mask_HW[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)], np.bool_)
