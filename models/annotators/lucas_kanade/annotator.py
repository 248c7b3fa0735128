"""The track annotator: a grid of background points, kept full while points end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from models.annotators.lucas_kanade.dense import DenseFlow
from models.annotators.lucas_kanade.flow import follow_and_back
from models.annotators.lucas_kanade.follower import PointFollower, value_at
from models.annotators.lucas_kanade.seeding import Grid
from models.annotators.rle import union_mask
from schemas.arrays import F32, U8, Bool
from schemas.config import TracksConfig
from schemas.records import Annotator, Frames, Mask, Tracks

_SHORT_SIDE = 360
"""Pictures are scaled down to this shorter side, px."""
_SEED_EVERY = 5
"""Frames from one look for empty cells to the next."""
_LEAST_FRAMES = 3
"""Points seen in fewer frames are left out."""
_KEEP_CLEAR = 0.02
"""Points start at least so far from a person's mask, over the shorter side."""
_END_CLEAR = 0.005
"""Points end where they come so near to a person's mask, over the shorter side."""


class LucasKanade:
    """Track annotator on CPU, without weights; and the two it is compared with, named in the configuration.

    lucas_kanade: pyramidal Lucas-Kanade. dense_flow: the same checks over dense flow. recovering: Lucas-Kanade whose
    lost points coast with the ground and are taken up again where they look right.
    """

    def __init__(self, config: TracksConfig) -> None:
        self._config = config

    @property
    def identity(self) -> Annotator:
        """Name; there are no weights."""
        return Annotator(self._config.annotator)

    def annotate(self, frames: Frames, masks: tuple[Mask, ...]) -> Tracks:
        """Tracks of points chosen outside the masks.

        A point is not visible where it is lost, covered or out of the picture; only `recovering` takes it up again.
        """
        follower, stretch = self._follower(frames), _stretch(frames)
        for t, luma, covered in self._advance(follower, frames, masks):
            if t % _SEED_EVERY == 0:
                follower.seed(luma, _grown(covered, _KEEP_CLEAR * min(luma.shape)))
        error_px = follower.mean_error_px
        scale = _SHORT_SIDE / min(_working_size(frames))
        tracks = follower.points.tracks(stretch, _LEAST_FRAMES)
        return replace(tracks, way_back_px=None if error_px is None else scale * error_px)

    def follow(self, frames: Frames, masks: tuple[Mask, ...], queries_N3: F32) -> Tracks:
        """Tracks of given points, in order: frame, x, y px."""
        follower, stretch = self._follower(frames), _stretch(frames)
        order = np.argsort(queries_N3[:, 0], kind="stable")
        for t, luma, _ in self._advance(follower, frames, masks):
            due = order[queries_N3[order, 0] == t]
            follower.place(luma, ((queries_N3[due, 1:] + 0.5) / stretch - 0.5).astype(np.float32))
        tracks = follower.points.tracks(stretch, 0)
        back = np.argsort(order)
        return Tracks(
            tracks.xy_NT2[back], tracks.visible_NT[back], tracks.on_person_NT[back], tracks.query_frame_N[back]
        )

    def _follower(self, frames: Frames) -> PointFollower:
        height, width = _working_size(frames)
        most_error = self._config.forward_backward_px * min(height, width) / _SHORT_SIDE
        grid = Grid.over(self._config.points, height, width)
        name = self._config.annotator
        step = DenseFlow() if name == "dense_flow" else follow_and_back
        return PointFollower(grid, self._config.points, most_error, step=step, recover=name == "recovering")

    def _advance(
        self, follower: PointFollower, frames: Frames, masks: tuple[Mask, ...]
    ) -> Iterator[tuple[int, U8, Bool]]:
        """Move the points from frame to frame; in each, number, picture and cover are given before it is closed."""
        height, width = _working_size(frames)
        before: U8 | None = None
        for t in range(len(frames)):
            luma = _scaled(frames.luma_THW[t], height, width)
            covered = _scaled(union_mask(masks, t, frames.height, frames.width).view(np.uint8), height, width) > 0
            if before is not None:
                follower.advance(before, luma, _grown(covered, _END_CLEAR * min(height, width)))
            yield t, luma, covered
            follower.points.close_frame(value_at(covered, follower.points.xy_N2))
            before = luma


def _stretch(frames: Frames) -> tuple[float, float]:
    height, width = _working_size(frames)
    return frames.width / width, frames.height / height


def _working_size(frames: Frames) -> tuple[int, int]:
    scale = min(1.0, _SHORT_SIDE / min(frames.height, frames.width))
    return round(frames.height * scale), round(frames.width * scale)


def _scaled(picture_HW: U8, height: int, width: int) -> U8:
    return np.asarray(cv2.resize(picture_HW, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _grown(mask_HW: Bool, radius_px: float) -> Bool:
    side = 2 * max(1, round(radius_px)) + 1
    return cv2.dilate(mask_HW.view(np.uint8), np.ones((side, side), np.uint8)) > 0
