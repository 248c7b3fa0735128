"""The living points: moved from frame to frame, ended when a check fails, started anew where cells are empty."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.annotators.lucas_kanade.flow import LOOK_SIZE, follow_and_back, looks
from models.annotators.lucas_kanade.history import PointHistory
from models.annotators.lucas_kanade.recovery import coasted, found_again, ground_motion
from models.annotators.lucas_kanade.seeding import Grid
from schemas.arrays import F32, U8, Bool

_LEAST_LIKENESS = 0.7
"""Normalised correlation with the reference look below which a point has drifted off."""
_RENEW_LIKENESS = 0.9
_RENEW_EVERY = 10
"""Frames between renewals of the reference look, from points that still resemble it: pictures turn and zoom."""


Step = Callable[[U8, U8, F32], tuple[F32, F32]]
"""Picture before, picture after, places: places after, and error of the way back, as `follow_and_back` gives it."""


class PointFollower:
    """Follows at most `most` points at a time; `points` holds all there have been.

    step: how points move from picture to picture. recover: points that were lost are looked for.
    """

    def __init__(
        self, grid: Grid, most: int, most_error_px: float, *, step: Step = follow_and_back, recover: bool = False
    ) -> None:
        self.points = PointHistory()
        self._grid = grid
        self._most = most
        self._most_error_px = most_error_px
        self._step = step
        self._recover = recover
        self._reference_NP: F32 = np.empty((0, LOOK_SIZE), np.float32)
        self._frame = 0
        self._errors: list[F32] = []

    @property
    def mean_error_px(self) -> float | None:
        """Mean error of the way back over all steps of points in the picture, each counted up to the most allowed."""
        errors = np.concatenate(self._errors) if self._errors else np.empty(0)
        return float(errors.mean()) if len(errors) else None

    def advance(self, before_HW: U8, luma_HW: U8, ended_HW: Bool) -> None:
        """Move living points by one frame; end those that are lost, drifted off, or inside `ended_HW`."""
        self._frame += 1
        living = np.flatnonzero(self.points.alive_N)
        if not len(living):
            return
        lost = np.flatnonzero(~self.points.alive_N) if self._recover else living[:0]
        start = self.points.xy_N2[living]
        xy, error = self._step(before_HW, luma_HW, start)
        confirmed = error < self._most_error_px
        self._errors.append(np.minimum(error[~np.isnan(error)], self._most_error_px))
        look = looks(luma_HW, xy)
        likeness = (look * self._reference_NP[living]).sum(1)
        confirmed &= (likeness >= _LEAST_LIKENESS) & ~value_at(ended_HW, xy)
        self.points.xy_N2[living[confirmed]] = xy[confirmed]
        self.points.alive_N[living[~confirmed]] = False
        if self._frame % _RENEW_EVERY == 0:
            renewed = confirmed & (likeness >= _RENEW_LIKENESS)
            self._reference_NP[living[renewed]] = look[renewed]
        if self._recover:
            motion = ground_motion(start[confirmed], xy[confirmed])
            missing = np.concatenate([lost, living[~confirmed]])
            self._look_for(missing, motion, luma_HW, ended_HW)

    def _look_for(self, missing: NDArray[np.int64], motion: F32 | None, luma_HW: U8, ended_HW: Bool) -> None:
        """Move lost points along with the ground, and take up those that are seen where they should be."""
        if motion is None or not len(missing):
            return
        self.points.xy_N2[missing] = coasted(motion, self.points.xy_N2[missing])
        height, width = luma_HW.shape
        x, y = self.points.xy_N2[missing].T
        open_N = (x >= 0) & (y >= 0) & (x < width) & (y < height) & ~value_at(ended_HW, self.points.xy_N2[missing])
        sought = missing[open_N]
        places, right = found_again(luma_HW, self.points.xy_N2[sought], self._reference_NP[sought])
        self.points.xy_N2[sought[right]] = places[right]
        self.points.alive_N[sought[right]] = True

    def seed(self, luma_HW: U8, blocked_HW: Bool) -> None:
        """Start points in empty cells, outside `blocked_HW`."""
        alive = self.points.xy_N2[self.points.alive_N]
        fresh = self._grid.new_points(luma_HW, blocked_HW, alive, max(0, self._most - len(alive)))
        self.place(luma_HW, fresh)

    def place(self, luma_HW: U8, xy_K2: F32) -> None:
        """Start points at given places."""
        self.points.add(xy_K2)
        self._reference_NP = np.concatenate([self._reference_NP, looks(luma_HW, xy_K2)])


def value_at(mask_HW: Bool, xy_N2: F32) -> Bool:
    """Value of a mask at the nearest pixel of each point, of its border for points outside."""
    column, row = np.rint(xy_N2).astype(np.int64).T
    height, width = mask_HW.shape
    return np.asarray(mask_HW[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)], np.bool_)
