"""One video measured: family by family, each on its own, so that what fails in one leaves the others be.

Shape suffixes: T frames, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from models.annotators.base import TrackedPerson
from models.annotators.rle import decode_mask, union_mask
from pipelines.corpus.read import Corpus
from pipelines.evaluation.catalogue import DISCO, Family, Need
from pipelines.evaluation.results import Figure, told
from pipelines.evaluation.subjects import Subject
from pipelines.evaluation.video import SubjectVideo
from schemas.arrays import Bool
from schemas.records import Mask
from transforms.measures.drift import Drift, colour_drift, identity_drift
from transforms.measures.film import frames as frames_of
from transforms.measures.ground import ground_error
from transforms.measures.pictures import CLEAN
from transforms.measures.pictures import DISCO as DISCO_PICTURES
from transforms.measures.pose_error import pose_error
from transforms.measures.warp_error import warp_error

if TYPE_CHECKING:
    from models.annotators.base import PoseAnnotator

_ALL_PICTURES = CLEAN | DISCO_PICTURES
"""Functions of two frames, by family."""


class Measured(SubjectVideo):
    """A video and the persons found in it again. pose: gives the annotator that finds them."""

    def __init__(self, subject: Subject, corpus: Corpus | None, pose: Callable[[], PoseAnnotator]) -> None:
        super().__init__(subject, corpus)
        self._pose = pose

    @cached_property
    def persons(self) -> tuple[TrackedPerson, ...]:
        """Found again in the video."""
        return self._pose().annotate(self.made.frames)

    @cached_property
    def people_THW(self) -> Bool:
        """Where persons are seen."""
        masks = [person.mask for person in self.persons if person.mask is not None]
        width, height = self.made.size
        return np.stack([union_mask(masks, t, height, width) for t in range(len(self.made))])

    @property
    def main_mask(self) -> Mask | None:
        """Of the main person."""
        return self.persons[0].mask if self.persons else None


def measurable(subject: Subject, family: Family) -> bool:
    """Whether a video has what a family of metrics needs."""
    if family.need == Need.TRUTH:
        return subject.has_truth
    return subject.job is not None if family.need == Need.JOB else True


def measure_tracks(video: Measured) -> list[Figure]:
    """Ground against driving tracks."""
    found = ground_error(video.made.luma(), video.inputs.tracks, video.people_THW)
    if found is None:
        return _nothing(("track_error", "track_still", "track_ratio"), "no point of the ground can be followed")
    still = "" if found.ratio is not None else "the tracks hardly move"
    return [
        Figure("track_error", found.error),
        Figure("track_still", found.still),
        Figure("track_ratio", found.ratio, still),
    ]


def measure_pose(video: Measured) -> list[Figure]:
    """Figure against driving pose."""
    found = pose_error([person.pose for person in video.persons], video.inputs.pose)
    if found is None:
        return _nothing(("pose_error", "pck_10", "pck_20", "pose_found"), "the pose drives no joint")
    return [
        Figure("pose_error", found.error, "" if found.error is not None else "nobody is found in the video"),
        Figure("pck_10", found.pck_10),
        Figure("pck_20", found.pck_20),
        Figure("pose_found", found.found),
    ]


def measure_drift(video: Measured) -> list[Figure]:
    """Colours, clip by clip."""
    clip, mask = video.subject.clip_frames, video.main_mask
    figures = [_drift("colour_drift", colour_drift(video.made, clip))]
    if mask is None:
        names = ("person_colour_drift", "identity_drift")
        return figures + _nothing(names, "nobody is found in the video")
    mask_THW = np.stack([decode_mask(mask, t) for t in range(len(video.made))])
    figures.append(_drift("person_colour_drift", colour_drift(video.made, clip, mask_THW)))
    figures.append(_drift("identity_drift", identity_drift(video.made, clip, mask_THW)))
    return figures


def measure_steady(video: Measured) -> list[Figure]:
    """Frame against moved frame, in the video and in the true one where there is one."""
    figures = [_steady("warp_error", warp_error(video.made))]
    if video.subject.has_truth:
        figures.append(_steady("warp_error_true", warp_error(video.pair[1])))
    return figures


def measure_pictures(video: Measured, family: str) -> list[Figure]:
    """Frame against true frame, mean over frames."""
    made, true = video.squares(family.startswith(DISCO))
    values = [_ALL_PICTURES[family](*both) for both in zip(frames_of(made), frames_of(true), strict=True)]
    return [Figure(family, told(float(np.mean(values))), _shorter(video))]


OWN: dict[str, Callable[[Measured], list[Figure]]] = {
    "tracks": measure_tracks,
    "pose": measure_pose,
    "drift": measure_drift,
    "steady": measure_steady,
}
"""Families that look at a video as a whole."""


def is_of_pictures(family: str) -> bool:
    """Whether a family is a function of two frames that needs no network."""
    return family in _ALL_PICTURES


def _shorter(video: Measured) -> str:
    frames, made = len(video.pair[0]), len(video.made)
    return "" if frames == made else f"the true video has {frames} of {made} frames"


def _drift(name: str, drift: Drift) -> Figure:
    along = tuple(round(distance, 5) for distance in drift.distances)
    return Figure(name, told(drift.per_clip), "" if drift.per_clip is not None else "fewer than two clips", along)


def _steady(name: str, value: float | None) -> Figure:
    return Figure(name, told(value), "" if value is not None else "no place is seen in two frames")


def _nothing(names: Iterable[str], why: str) -> list[Figure]:
    return [Figure(name, None, why) for name in names]
