"""The pose annotator: persons of a picture, and persons followed over a clip."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from itertools import pairwise

import numpy as np

from models.annotators.base import Detection, TrackedPerson
from models.annotators.blazepose import detector, landmarks
from models.annotators.blazepose.finder import PersonFinder
from models.annotators.blazepose.landmarks import Landmarks
from models.annotators.blazepose.persons import Finds, ranked, to_tracked
from models.annotators.blazepose.picture import FramePicture, RgbPicture
from models.annotators.blazepose.tracker import PersonTracker
from models.weights import REGISTRY
from schemas.arrays import F32, U8
from schemas.config import PoseConfig
from schemas.records import Annotator, Frames

_SURE_JOINT = 0.5
_BRIDGED_S = 0.4
"""Longest gap in which a person is looked for between its finds, s."""


class BlazePose:
    """Pose annotator on CPU; weights are fetched on first use. Raises WeightsError if they cannot be.

    masks: whether `annotate` makes them, too; the network gives them anyway, but over its crops.
    """

    def __init__(self, config: PoseConfig, threads: int = 2, *, masks: bool = True) -> None:
        self._config, self._masks = config, masks
        self._finder = PersonFinder(config, threads)

    @property
    def identity(self) -> Annotator:
        """Name, and the SHA-256 over the digests of both networks."""
        digests = "".join(REGISTRY[name].sha256 for name in (detector.WEIGHTS, landmarks.WEIGHTS))
        return Annotator("blazepose", hashlib.sha256(digests.encode()).hexdigest())

    def detect(self, rgb_HW3: U8) -> tuple[Detection, ...]:
        """Persons in a single picture, each confirmed by the landmark network."""
        height, width = rgb_HW3.shape[:2]
        found = self._finder.find(RgbPicture(rgb_HW3), detector.views(height, width))
        return tuple(Detection(_box(p.landmarks, height, width), p.score, p.landmarks.presence) for p in found)

    def annotate(self, frames: Frames) -> tuple[TrackedPerson, ...]:
        """Persons over the clip, the main person first; empty if there is none."""
        tracker = PersonTracker(self._finder, self._config.max_persons)
        persons: defaultdict[int, Finds] = defaultdict(dict)
        for frame in range(len(frames)):
            for person, marks in tracker.step(FramePicture(frames, frame)).items():
                persons[person][frame] = marks
        fps, most = float(frames.fps), self._config.max_persons
        chosen = ranked(list(persons.values()), fps, most)
        for finds in chosen:
            others = [other for other in chosen if other is not finds]
            self._walk_back(frames, finds, others)
            self._bridge(frames, finds, others)
        return to_tracked(ranked(chosen, fps, most), frames, masks=self._masks)

    def _walk_back(self, frames: Frames, finds: Finds, others: list[Finds]) -> None:
        """Follow a person backwards into the frames before each find, until it is lost or already known, in place."""
        for start in sorted(finds):
            frame = start - 1
            while frame >= 0 and frame not in finds:
                marks = self._finder.follow(FramePicture(frames, frame), finds[frame + 1])
                if marks is None or any(frame in other and marks.is_same_person(other[frame]) for other in others):
                    break
                finds[frame] = marks
                frame -= 1

    def _bridge(self, frames: Frames, finds: Finds, others: list[Finds]) -> None:
        """Look for a person between two finds a moment apart, on the straight way from one to the other, in place."""
        for before, after in pairwise(sorted(finds)):
            if after - before > _BRIDGED_S * frames.fps:
                continue
            for frame in range(before + 1, after):
                way = (frame - before) / (after - before)
                roi = finds[before].next_roi.towards(finds[after].roi, way)
                marks = self._finder.look(FramePicture(frames, frame), roi)
                if marks is not None and not any(frame in o and marks.is_same_person(o[frame]) for o in others):
                    finds[frame] = marks


def _box(marks: Landmarks, height: int, width: int) -> F32:
    """Box around the sure joints, or all of them if none is, clipped to the picture: x0, y0, x1, y1 px."""
    sure = marks.confidence_J > _SURE_JOINT
    points = marks.xy_J2[sure] if sure.any() else marks.xy_J2
    corners = np.concatenate([points.min(0), points.max(0)])
    return np.asarray(np.clip(corners, 0, [width, height, width, height]), np.float32)
