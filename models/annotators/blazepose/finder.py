"""Finding persons in a picture: what the detector proposes, the landmark network must confirm."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from models.annotators.blazepose.detector import Candidate, PersonDetector, View
from models.annotators.blazepose.landmarks import LandmarkNetwork, Landmarks
from models.annotators.blazepose.picture import Picture
from models.annotators.blazepose.roi import Roi
from schemas.config import PoseConfig

_SAME_ROI = 0.5
"""Overlap above which a candidate is a person known already."""
_HOPELESS = 0.1
"""Presence at a first look that settles that there is nobody."""
_SURE_SCORE, _SURE_PRESENCE = 0.8, 0.9
"""Detector's score and presence at a first look that settle that there is somebody."""
_STEADY, _STEADY_IN_TILE = 0.07, 0.035
"""Mean shift of the joints between two looks, over the side of the region: of a person they stay, of foliage not."""


@dataclass(frozen=True, slots=True)
class Found:
    """A confirmed person and the detector's score."""

    landmarks: Landmarks
    score: float


class PersonFinder:
    """Both networks, and the rule by which they agree on a person."""

    def __init__(self, config: PoseConfig, threads: int) -> None:
        self.network = LandmarkNetwork(threads)
        self._detector = PersonDetector(config.detection_threshold)
        self._presence = config.presence_threshold

    def find(self, picture: Picture, where: Iterable[View], known: Sequence[Landmarks] = ()) -> list[Found]:
        """Persons in some views of a picture, other than the `known` ones."""
        persons: list[Found] = []
        for view in where:
            for candidate in self._detector(picture.rgb_HW3, view):
                others = [*known, *(p.landmarks for p in persons)]
                if any(candidate.roi.overlap(other.next_roi) > _SAME_ROI for other in others):
                    continue
                marks = self._confirm(picture, candidate, _STEADY_IN_TILE if view.strict else _STEADY)
                if marks is not None and not any(marks.is_same_person(other) for other in others):
                    persons.append(Found(marks, candidate.score))
        return persons

    def follow(self, picture: Picture, last: Landmarks) -> Landmarks | None:
        """A person found in the frame before or after, or None if it is not there any more."""
        return self.look(picture, last.next_roi)

    def look(self, picture: Picture, roi: Roi) -> Landmarks | None:
        """The person in a region, or None if there is none."""
        marks = self.network(picture, roi)
        return marks if marks.presence >= self._presence else None

    def _confirm(self, picture: Picture, candidate: Candidate, steady: float) -> Landmarks | None:
        """Landmarks of a candidate, or None if it is no person.

        The landmark network takes much that vaguely resembles a person for one, so where the first look leaves
        doubt a second, better aimed one must show the joints in the same places.
        """
        first = self.network(picture, candidate.roi)
        if first.presence < _HOPELESS:
            return None
        if candidate.score >= _SURE_SCORE and first.presence >= _SURE_PRESENCE:
            return first
        second = self.network(picture, first.next_roi)
        stays = second.distance_to(first) < steady * second.next_roi.size
        return second if stays and second.presence >= self._presence else None
