"""First screening: scores that need a few frames and no network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from schemas.arrays import U8
from schemas.config import Config
from schemas.outcomes import Kept, Outcome
from schemas.records import Clip
from transforms.pixels import sample_indices
from transforms.screening.bars import Box, crop, find_bars
from transforms.screening.phash import HASHED_FRAMES, perceptual_hash
from transforms.screening.sharpness import sharpness
from transforms.screening.verdict import judge
from transforms.stage import Stage

JUDGED = ("duration_s", "short_side", "luminance", "contrast", "black_share", "bars_area", "sharpness")
"""The scores this stage judges, its own and the decoder's."""
_BLACK, _LUMA_RANGE = 16, 219
"""Limited range, as the decoder's scores have it."""


class ScreenPicture(Stage[Clip, Clip]):
    """Crops bars, measures sharpness and perceptual hash, and rejects by the scores of the picture."""

    name = "picture"
    accepts = Clip

    def __init__(self, config: Config) -> None:
        self._limits = config.screening

    def process(self, item: Clip) -> Iterable[Outcome[Clip]]:
        """The clip without bars, kept or rejected. Raises ValueError if it has no frames."""
        frames = item.frames
        if frames is None:
            raise ValueError(f"clip {item.clip_id} came to be screened without frames")
        samples_KHW = frames.luma_THW[sample_indices(len(frames), HASHED_FRAMES)]
        box = find_bars(samples_KHW)
        outcome = judge(_scored(item, samples_KHW, box), self._limits, JUDGED)
        if isinstance(outcome, Kept):
            outcome = Kept(replace(outcome.item, frames=crop(frames, box)))
        yield outcome


def _scored(clip: Clip, samples_KHW: U8, box: Box) -> Clip:
    """The clip with the size of its picture inside the bars, and the scores and hash of that."""
    height, width = samples_KHW.shape[1:]
    inside_KHW = samples_KHW[:, box.top : box.bottom, box.left : box.right]
    bars_area = 1 - box.width * box.height / (width * height)
    scores = replace(clip.scores, bars_area=bars_area, sharpness=sharpness(inside_KHW))
    if bars_area > 0:
        shrunk = min(box.width, box.height) / min(width, height)
        scores = replace(
            scores,
            short_side=None if scores.short_side is None else scores.short_side * shrunk,
            luminance=float(np.clip((inside_KHW.mean() - _BLACK) / _LUMA_RANGE, 0, 1)),
            contrast=float(np.mean([luma_HW.std() for luma_HW in inside_KHW])) / _LUMA_RANGE,
        )
    return replace(clip, width=box.width, height=box.height, scores=scores, phash=perceptual_hash(inside_KHW))
