"""The mask annotator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from models.annotators.base import TrackedPerson
from models.annotators.compute import Batches, device_of
from models.annotators.pixels import rgb_frame
from models.annotators.rle import encode_mask
from models.annotators.segment_anything.building import build_sam
from models.annotators.segment_anything.following import MaskFollower
from models.annotators.segment_anything.prompts import body_joints, prompts_of
from models.annotators.segment_anything.segmenter import Segmenter
from models.weights.registry import weight_file
from models.weights.states import read_state
from schemas.arrays import Bool
from schemas.config import ComputeConfig, MasksConfig
from schemas.records import Annotator, Frames, Mask


class SegmentAnything:
    """Mask annotator. The picture is embedded once for all its persons, several pictures at a time.

    Raises ConfigError without its packages or its GPU, WeightsError if its weights cannot be had.
    """

    def __init__(self, config: MasksConfig, compute: ComputeConfig) -> None:
        self._weights = config.weights
        device = device_of(compute, "segment_anything")
        self._segmenter = Segmenter(build_sam(read_state(config.weights)), compute, device)
        self._batches = Batches(compute.batch)

    @property
    def identity(self) -> Annotator:
        """Name and weights digest."""
        return Annotator("segment_anything", weight_file(self._weights).sha256)

    def annotate(self, frames: Frames, persons: tuple[TrackedPerson, ...]) -> tuple[Mask, ...]:
        """One mask track per person, in the order given; empty where the person is not present."""
        size = (frames.height, frames.width)
        poses = [body_joints(person.pose) for person in persons]
        present_PT = np.array([pose.present_T for pose in poses], np.bool_).reshape(len(poses), len(frames))
        rows = [[encode_mask(np.zeros(size, np.bool_))] * len(frames) for _ in persons]
        follower = MaskFollower(self._segmenter)
        shown = np.flatnonzero(present_PT.any(0)).tolist()

        def embed(indices: Sequence[int]) -> Tensor:
            return self._segmenter.embed([rgb_frame(frames, index) for index in indices])

        for frame, embedding in zip(shown, self._batches.run(embed, shown), strict=True):
            here = np.flatnonzero(present_PT[:, frame]).tolist()
            prompts = prompts_of([poses[person] for person in here], frame, *size)
            masks: dict[int, Bool] = follower.step(embedding, size, here, prompts)
            for person, mask_HW in masks.items():
                rows[person][frame] = encode_mask(mask_HW)
        return tuple(Mask(tuple(r for r, _ in row), tuple(a for _, a in row), size[1], size[0]) for row in rows)
