"""Cheap numbers of every frame, from the small picture, and the clip scores made of them."""

from __future__ import annotations

import cv2
import numpy as np

from schemas.arrays import F32, U8
from schemas.scores import Scores
from transforms.decode.scaling import halved

COLUMNS = 4
"""Mean and standard deviation of luma (0..255, limited range), share of dark pixels (0 if bright), 1 if frozen.

Frozen is what the source shows again as another frame; a frame that the clock shows again keeps its numbers.
"""

_DARK = 32
_BLACK_SHARE = 0.98
_STILL = 1
"""Blocks that change by no more than this, everywhere, make a frozen frame."""


class FrameStatistics:
    """Measures frames one after the other."""

    def __init__(self) -> None:
        self._before: U8 | None = None

    def measure(self, luma: U8) -> tuple[float, float, float, float]:
        """The `COLUMNS` of the next frame, from the luma of its small picture."""
        means, deviations = cv2.meanStdDev(luma)
        mean = float(means[0, 0])
        # A bright picture cannot be black: most need no count.
        bright = luma.size if mean > 2 * _DARK else cv2.countNonZero(cv2.inRange(luma, _DARK, 255))
        blocks = halved(luma)
        frozen = self._before is not None and cv2.norm(blocks, self._before, cv2.NORM_INF) <= _STILL
        self._before = blocks
        return mean, float(deviations[0, 0]), 1 - bright / luma.size, float(frozen)


def clip_scores(statistics_TC: F32, seconds: float, short_side: int) -> Scores:
    """Scores of a clip from the (T, COLUMNS) statistics of its frames."""
    mean, deviation, dark, frozen = statistics_TC.T
    return Scores(
        duration_s=seconds,
        short_side=float(short_side),
        luminance=float(np.clip((mean.mean(dtype=np.float64) - 16) / 219, 0, 1)),
        contrast=float(np.clip(deviation.mean(dtype=np.float64) / 219, 0, 1)),
        black_share=float((dark >= _BLACK_SHARE).mean()),
        # The first frame has none before it inside the clip.
        frozen_share=float(frozen[1:].mean()) if len(frozen) > 1 else 0.0,
    )
