"""Pose annotators whose networks look at one picture at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from models.annotators.base import Detection, TrackedPerson
from models.annotators.identities import Find, follow_persons
from models.annotators.pixels import rgb_frame
from schemas.arrays import F32, U8
from schemas.records import Annotator, Frames


class PicturePose(ABC):
    """Finds persons in every frame and joins them over time.

    skeleton: name of the skeleton the finds are in. most: persons followed. threshold: least mean confidence.
    """

    def __init__(self, skeleton: str, most: int, threshold: float) -> None:
        self._skeleton, self._most, self._threshold = skeleton, most, threshold

    @property
    @abstractmethod
    def identity(self) -> Annotator:
        """Name and weights digest, stored with every row."""

    @abstractmethod
    def find(self, rgb_HW3: U8) -> list[Find]:
        """Everybody the networks find in a picture."""

    def detect(self, rgb_HW3: U8) -> tuple[Detection, ...]:
        """Persons in a single picture, the largest first; their boxes clipped to it."""
        height, width = rgb_HW3.shape[:2]
        finds = sorted(self._sure(rgb_HW3), key=lambda find: -find.size_px)
        return tuple(Detection(_clipped(find.box_xyxy, height, width), find.score, find.score) for find in finds)

    def annotate(self, frames: Frames) -> tuple[TrackedPerson, ...]:
        """Persons over the clip, the main person first; empty if there is none."""
        found = [self._sure(rgb_frame(frames, index)) for index in range(len(frames))]
        poses = follow_persons(found, float(frames.fps), self._most, self._skeleton)
        return tuple(TrackedPerson(pose, None) for pose in poses)

    def _sure(self, rgb_HW3: U8) -> list[Find]:
        return [find for find in self.find(rgb_HW3) if find.score >= self._threshold]


def _clipped(box_xyxy: F32, height: int, width: int) -> F32:
    return np.asarray(np.clip(box_xyxy, 0, [width, height, width, height]), np.float32)
