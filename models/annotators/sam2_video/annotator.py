"""The mask annotator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from models.annotators.base import TrackedPerson
from models.annotators.compute import Batches, device_of, enough_memory, inference
from models.annotators.pixels import rgb_frame
from models.annotators.sam2_video.following import Memory, SeenFrame
from models.annotators.sam2_video.loading import load_sam2
from models.annotators.segment_anything.clip import mask_persons
from models.weights.registry import weight_file
from schemas.config import ComputeConfig, MasksConfig
from schemas.records import Annotator, Frames, Mask

_RELIEF = (
    "Lower compute.batch, choose smaller weights, such as masks.weights=sam2_tiny, follow fewer persons "
    "(pose.max_persons), or set compute.device=cpu"
)


class Sam2Video:
    """Mask annotator. The picture is encoded once for all its persons, several pictures at a time.

    A person is prompted by box and joints where it appears, and again where its mask drifts off.
    Where float16 is asked for it computes in bfloat16.
    Raises ConfigError without its packages or its GPU, WeightsError if its weights cannot be had, FiguregroundError if
    the GPU's memory is too small for one picture and what is remembered.
    """

    def __init__(self, config: MasksConfig, compute: ComputeConfig) -> None:
        self._weights, self._compute = config.weights, _with_bfloat16(compute)
        self._device = device_of(compute, "sam2_video")
        with enough_memory("sam2_video", _RELIEF):
            self._model, self._processor = load_sam2(config.weights, self._device)
        self._batches = Batches(compute.batch)

    @property
    def identity(self) -> Annotator:
        """Name and weights digest."""
        return Annotator("sam2_video", weight_file(self._weights).sha256)

    def annotate(self, frames: Frames, persons: tuple[TrackedPerson, ...]) -> tuple[Mask, ...]:
        """One mask track per person, in the order given; empty where the person is not present."""

        def look(indices: Sequence[int]) -> list[SeenFrame]:
            return self._look(frames, indices)

        memory = Memory(self._model, self._processor, (frames.height, frames.width), self._device)
        with enough_memory("sam2_video", _RELIEF), inference(self._compute, self._device):
            return mask_persons(frames, persons, self._batches, look, memory.step)

    def _look(self, frames: Frames, indices: Sequence[int]) -> list[SeenFrame]:
        pictures = torch.from_numpy(np.stack([rgb_frame(frames, index) for index in indices])).permute(0, 3, 1, 2)
        given = self._processor.video_processor(videos=[pictures], device=self._device, return_tensors="pt")
        pixels_BCHW = given.pixel_values_videos[0]
        seen = self._model.get_image_features(pixels_BCHW, return_dict=True)
        features, places = seen.fpn_hidden_states, seen.fpn_position_encoding  # (H * W, B, C) of each level
        return [
            SeenFrame(
                index,
                pixels_BCHW[b],
                [level[:, b : b + 1] for level in features],
                [level[:, b : b + 1] if level.shape[1] > 1 else level for level in places],
            )
            for b, index in enumerate(indices)
        ]


def _with_bfloat16(compute: ComputeConfig) -> ComputeConfig:
    """The network keeps its memories in bfloat16, as its authors do; they cannot be joined with float16."""
    return replace(compute, precision="bfloat16") if compute.precision == "float16" else compute
