"""The mask annotator."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from models.annotators.base import TrackedPerson
from models.annotators.compute import Batches, device_of, enough_memory
from models.annotators.pixels import rgb_frame
from models.annotators.segment_anything.building import build_sam
from models.annotators.segment_anything.clip import mask_persons
from models.annotators.segment_anything.following import MaskFollower
from models.annotators.segment_anything.segmenter import Segmenter
from models.weights.registry import weight_file
from models.weights.states import read_state
from schemas.config import ComputeConfig, MasksConfig
from schemas.records import Annotator, Frames, Mask

_RELIEF = "Choose smaller weights, such as masks.weights=sam_vit_b, or set compute.device=cpu"


class SegmentAnything:
    """Mask annotator. The picture is embedded once for all its persons, several pictures at a time.

    Raises ConfigError without its packages or its GPU, WeightsError if its weights cannot be had, FiguregroundError if
    the GPU's memory is too small for one picture or one person.
    """

    def __init__(self, config: MasksConfig, compute: ComputeConfig) -> None:
        self._weights = config.weights
        device = device_of(compute, "segment_anything")
        sam = build_sam(read_state(config.weights))
        with enough_memory("segment_anything", _RELIEF):
            self._segmenter = Segmenter(sam, compute, device)
        self._batches = Batches(compute.batch)

    @property
    def identity(self) -> Annotator:
        """Name and weights digest."""
        return Annotator("segment_anything", weight_file(self._weights).sha256)

    def annotate(self, frames: Frames, persons: tuple[TrackedPerson, ...]) -> tuple[Mask, ...]:
        """One mask track per person, in the order given; empty where the person is not present."""

        def embed(indices: Sequence[int]) -> tuple[Tensor, ...]:
            return self._segmenter.embed([rgb_frame(frames, index) for index in indices]).unbind()

        with enough_memory("segment_anything", _RELIEF):
            return mask_persons(frames, persons, self._batches, embed, MaskFollower(self._segmenter).step)
