"""The track annotator: a grid of background points, kept full while points end."""

from __future__ import annotations

import cv2
import numpy as np

from models.annotators.lucas_kanade.follower import PointFollower, value_at
from models.annotators.lucas_kanade.seeding import Grid
from models.annotators.rle import union_mask
from schemas.config import TracksConfig
from schemas.records import U8, Annotator, Bool, Frames, Mask, Tracks

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
    """Track annotator on CPU, without weights."""

    def __init__(self, config: TracksConfig) -> None:
        self._config = config

    @property
    def identity(self) -> Annotator:
        """Name; there are no weights."""
        return Annotator("lucas_kanade")

    def annotate(self, frames: Frames, masks: tuple[Mask, ...]) -> Tracks:
        """Tracks of points chosen outside the masks. A point ends where it is lost, covered or out of frame."""
        height, width = _working_size(frames)
        short = min(height, width)
        most_error = self._config.forward_backward_px * short / _SHORT_SIDE
        follower = PointFollower(Grid.over(self._config.points, height, width), self._config.points, most_error)
        before: U8 | None = None
        for t in range(len(frames)):
            luma = _scaled(frames.luma_THW[t], height, width)
            covered = _scaled(union_mask(masks, t, frames.height, frames.width).view(np.uint8), height, width) > 0
            if before is not None:
                follower.advance(before, luma, _grown(covered, _END_CLEAR * short))
            if t % _SEED_EVERY == 0:
                follower.seed(luma, _grown(covered, _KEEP_CLEAR * short))
            follower.points.close_frame(value_at(covered, follower.points.xy_N2))
            before = luma
        return follower.points.tracks((frames.width / width, frames.height / height), _LEAST_FRAMES)


def _working_size(frames: Frames) -> tuple[int, int]:
    scale = min(1.0, _SHORT_SIDE / min(frames.height, frames.width))
    return round(frames.height * scale), round(frames.width * scale)


def _scaled(picture_HW: U8, height: int, width: int) -> U8:
    return np.asarray(cv2.resize(picture_HW, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _grown(mask_HW: Bool, radius_px: float) -> Bool:
    side = 2 * max(1, round(radius_px)) + 1
    return cv2.dilate(mask_HW.view(np.uint8), np.ones((side, side), np.uint8)) > 0
