"""The three annotator interfaces. Implementations are chosen by name in the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from schemas.arrays import F32, U8
from schemas.records import Annotator, Frames, Mask, Pose, Tracks


@dataclass(frozen=True, slots=True)
class Detection:
    """One person in one picture.

    box_xyxy: (4,) pixels. score: 0..1. presence: 0..1, the landmark network's own word that this is a person.
    """

    box_xyxy: F32
    score: float
    presence: float


@dataclass(frozen=True, slots=True)
class TrackedPerson:
    """One person followed over a clip; `mask` where the pose network gives one along the way."""

    pose: Pose
    mask: Mask | None


class PoseAnnotator(Protocol):
    """Finds persons and their joints."""

    @property
    def identity(self) -> Annotator:
        """Name and weights digest, stored with every row."""
        ...

    def detect(self, rgb_HW3: U8) -> tuple[Detection, ...]:
        """Persons in a single picture, each confirmed by the landmark network. For screening."""
        ...

    def annotate(self, frames: Frames) -> tuple[TrackedPerson, ...]:
        """Persons over the clip, the main person first; empty if there is none."""
        ...


class MaskAnnotator(Protocol):
    """Finds which pixels are a person's."""

    @property
    def identity(self) -> Annotator:
        """Name and weights digest, stored with every row."""
        ...

    def annotate(self, frames: Frames, persons: tuple[TrackedPerson, ...]) -> tuple[Mask, ...]:
        """One mask track per person, in the order given."""
        ...


class TrackAnnotator(Protocol):
    """Follows sparse points: of the background, which it chooses, or any that it is given."""

    @property
    def identity(self) -> Annotator:
        """Name and weights digest, stored with every row."""
        ...

    def annotate(self, frames: Frames, masks: tuple[Mask, ...]) -> Tracks:
        """Tracks of points chosen outside the masks, flagged where a mask covers them."""
        ...

    def follow(self, frames: Frames, masks: tuple[Mask, ...], queries_N3: F32) -> Tracks:
        """Tracks of given points, in order. queries_N3: (N, 3) frame, x, y px."""
        ...
