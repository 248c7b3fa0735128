"""Annotators run over a clip whose truth is known."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from models.annotators.base import MaskAnnotator, PoseAnnotator, TrackAnnotator, TrackedPerson
from models.annotators.factory import create_masks, create_pose, create_tracks
from schemas.config import Config
from schemas.records import Annotation, Frames, Mask, Pose
from schemas.skeletons import COCO_17
from schemas.skeletons.conversion import converted
from transforms.accuracy.masks import mask_accuracy
from transforms.accuracy.poses import PictureFinds, pck, picture_finds
from transforms.accuracy.tracks import TrackAccuracy, track_accuracy
from transforms.annotation.matching import person_numbers

KINDS = ("poses", "masks", "tracks")


@dataclass(frozen=True, slots=True)
class ClipAccuracy:
    """What was measured on one clip; None or empty where a kind was not, or there was nothing to measure.

    pck_10, pck_20: within 0.1 and 0.2 of the torso. finds: per frame, for average precision over many clips. iou,
    boundary_f: mean over the true persons. frames, points: of the clip. cpu_s: of this process, by kind.
    """

    frames: int
    points: int
    cpu_s: dict[str, float]
    tracks: TrackAccuracy | None = None
    pck_10: float | None = None
    pck_20: float | None = None
    finds: tuple[PictureFinds, ...] = ()
    iou: float | None = None
    boundary_f: float | None = None


class Assessor:
    """Holds the annotators of a configuration. kinds: which of poses, masks and tracks are measured."""

    def __init__(self, config: Config, kinds: Collection[str] = KINDS) -> None:
        people = {"poses", "masks"} & set(kinds)
        self._kinds = kinds
        self._pose: PoseAnnotator | None = create_pose(config) if people else None
        self._masks: MaskAnnotator | None = create_masks(config) if "masks" in kinds else None
        self._tracks: TrackAnnotator | None = create_tracks(config) if "tracks" in kinds else None

    def assess(self, frames: Frames, truth: Annotation) -> ClipAccuracy:
        """Run the annotators and compare. Tracks start from the true points, with the true masks."""
        watch = _Watch()
        measured: dict[str, float | None] = {}
        tracks: TrackAccuracy | None = None
        finds: tuple[PictureFinds, ...] = ()
        if self._pose is not None:
            persons = self._pose.annotate(frames)
            watch.take("poses")
            measured |= _pose_scores(persons, truth)
            finds = _all_finds(persons, truth, len(frames))
            watch.reset()
            if self._masks is not None:
                masks = self._masks.annotate(frames, persons)
                watch.take("masks")
                measured |= _mask_scores(persons, masks, truth)
        if self._tracks is not None:
            watch.reset()
            true = truth.tracks
            query = true.query_frame_N
            starts = true.xy_NT2[np.arange(len(query)), query]
            queries = np.column_stack([query, starts]).astype(np.float32)
            found = self._tracks.follow(frames, tuple(person.mask for person in truth.persons), queries)
            watch.take("tracks")
            tracks = track_accuracy(found, true, frames.width, frames.height)
        points = len(truth.tracks.query_frame_N)
        return ClipAccuracy(len(frames), points, watch.taken, tracks, finds=finds, **measured)


class _Watch:
    def __init__(self) -> None:
        self.taken: dict[str, float] = {}
        self.reset()

    def reset(self) -> None:
        self._since = time.process_time()

    def take(self, kind: str) -> None:
        self.taken[kind] = time.process_time() - self._since


def _by_truth(persons: tuple[TrackedPerson, ...], truth: Annotation) -> dict[int, int]:
    """Index of the person found for each true person, where one was."""
    known = [(i, person.pose) for i, person in enumerate(truth.persons)]
    numbers = person_numbers([person.pose for person in persons], known)
    return {number: i for i, number in enumerate(numbers) if number < len(known)}


def _pose_scores(persons: tuple[TrackedPerson, ...], truth: Annotation) -> dict[str, float | None]:
    match = _by_truth(persons, truth)
    scores: dict[str, float | None] = {}
    for name, share in (("pck_10", 0.1), ("pck_20", 0.2)):
        values = [
            pck(persons[match[i]].pose if i in match else _nobody(true.pose), true.pose, share)
            for i, true in enumerate(truth.persons)
        ]
        scores[name] = _mean(values)
    return scores


def _all_finds(persons: tuple[TrackedPerson, ...], truth: Annotation, frames: int) -> tuple[PictureFinds, ...]:
    found = [converted(person.pose, COCO_17.name) for person in persons]
    true = [converted(person.pose, COCO_17.name) for person in truth.persons]
    return tuple(
        picture_finds(found, true, [person.mask.area_px[t] for person in truth.persons], t) for t in range(frames)
    )


def _mask_scores(
    persons: tuple[TrackedPerson, ...], masks: tuple[Mask, ...], truth: Annotation
) -> dict[str, float | None]:
    match = _by_truth(persons, truth)
    pairs = []
    for i, true in enumerate(truth.persons):
        if i in match:
            pairs.append(mask_accuracy(masks[match[i]], true.mask))
        elif any(true.mask.area_px):
            pairs.append((0.0, 0.0))
    known = [pair for pair in pairs if pair is not None]
    return {"iou": _mean([pair[0] for pair in known]), "boundary_f": _mean([pair[1] for pair in known])}


def _nobody(like: Pose) -> Pose:
    absent = np.zeros_like(like.present_T)
    return Pose(np.full_like(like.xy_TJ2, np.nan), np.zeros_like(like.confidence_TJ), absent, like.skeleton)


def _mean(values: list[float | None] | list[float]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
