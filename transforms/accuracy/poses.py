"""Poses against poses: share of right keypoints, object keypoint similarity, and COCO's average precision by it.

Lin et al., "Microsoft COCO" (keypoint evaluation). Poses are compared in COCO's 17 joints.
Shape suffixes: T frames, J joints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from schemas.arrays import F32, Bool
from schemas.records import Pose
from schemas.skeletons import COCO_17
from schemas.skeletons.conversion import converted

_SIGMA_J = np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]) / 1000
"""COCO's spread of annotators' placements of each joint, over the square root of the person's area."""
_OKS_LEVELS = np.arange(0.5, 1.0, 0.05)
_RECALLS = np.linspace(0, 1, 101)
_SEEN = 0.5


def pck(found: Pose, truth: Pose, share: float) -> float | None:
    """Share of the joints visible in the truth that were found within `share` of the torso's length.

    None if the truth shows no joint. Frames in which the person was not found count as misses.
    """
    found, truth = converted(found, COCO_17.name), converted(truth, COCO_17.name)
    seen_TJ = _seen(truth)
    if not seen_TJ.any():
        return None
    apart_TJ = np.linalg.norm(found.xy_TJ2 - truth.xy_TJ2, axis=-1)
    near_TJ = apart_TJ <= share * torso_lengths(truth)[:, None]
    return float((near_TJ & seen_TJ).sum() / seen_TJ.sum())


def torso_lengths(pose: Pose) -> F32:
    """(T,) from the middle of the shoulders to the middle of the hips, px; the clip's median where it is not known."""
    pose = converted(pose, COCO_17.name)
    ends = [pose.xy_TJ2[:, COCO_17.indices(f"left_{j}", f"right_{j}")].mean(1) for j in ("shoulder", "hip")]
    length_T = np.linalg.norm(ends[0] - ends[1], axis=-1)
    known = length_T[np.isfinite(length_T)]
    return np.where(np.isfinite(length_T), length_T, np.median(known) if len(known) else np.nan).astype(np.float32)


def oks(found_J2: F32, truth_J2: F32, seen_J: Bool, area_px: float) -> float:
    """Object keypoint similarity of one person in one picture, 0..1. area_px: of the person's mask in the truth."""
    if not seen_J.any():
        return 0.0
    squared_J = ((found_J2 - truth_J2) ** 2).sum(-1)
    closeness_J = np.exp(-squared_J / (2 * max(area_px, 1.0) * (2 * _SIGMA_J) ** 2))
    return float(np.where(np.isfinite(closeness_J), closeness_J, 0)[seen_J].mean())


@dataclass(frozen=True, slots=True)
class PictureFinds:
    """What was found in one picture. scores: of the finds. similarity: OKS of each find (row) with each true person."""

    scores: tuple[float, ...]
    similarity: tuple[tuple[float, ...], ...]
    truths: int


def picture_finds(found: Sequence[Pose], truth: Sequence[Pose], areas_px: Sequence[float], frame: int) -> PictureFinds:
    """Finds and true persons of one frame. areas_px: of the true persons' masks. Skeleton of all: coco_17.

    True persons of whom no joint is seen are left out, as COCO leaves them out.
    """
    true = [(p, a) for p, a in zip(truth, areas_px, strict=True) if _seen(p)[frame].any()]
    here = [pose for pose in found if pose.present_T[frame]]
    scores = tuple(float(pose.confidence_TJ[frame].mean()) for pose in here)
    rows = tuple(
        tuple(oks(pose.xy_TJ2[frame], other.xy_TJ2[frame], _seen(other)[frame], area) for other, area in true)
        for pose in here
    )
    return PictureFinds(scores, rows, len(true))


def average_precision(pictures: Sequence[PictureFinds]) -> float | None:
    """COCO's AP: mean over OKS of 0.50 to 0.95 of the precision, interpolated at 101 recalls. None without persons."""
    truths = sum(picture.truths for picture in pictures)
    if not truths:
        return None
    return float(np.mean([_precision(pictures, level, truths) for level in _OKS_LEVELS]))


def _precision(pictures: Sequence[PictureFinds], level: float, truths: int) -> float:
    calls = [call for picture in pictures for call in _calls(picture, level)]
    calls.sort(key=lambda call: -call[0])
    right = np.cumsum([is_right for _, is_right in calls]) if calls else np.zeros(0)
    precision = right / np.arange(1, len(calls) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    place = np.searchsorted(right / truths, _RECALLS, side="left")
    return float(np.mean([precision[i] if i < len(precision) else 0.0 for i in place]))


def _calls(picture: PictureFinds, level: float) -> list[tuple[float, bool]]:
    """Score of each find, and whether it is right: the surest finds take the true person they resemble most."""
    free = set(range(picture.truths))
    calls = []
    for find in np.argsort([-score for score in picture.scores], kind="stable"):
        best = max(free, key=lambda truth: picture.similarity[find][truth], default=None)
        is_right = best is not None and picture.similarity[find][best] >= level
        if is_right and best is not None:
            free.discard(best)
        calls.append((picture.scores[find], is_right))
    return calls


def _seen(truth: Pose) -> Bool:
    return np.asarray((truth.confidence_TJ >= _SEEN) & np.isfinite(truth.xy_TJ2).all(-1), np.bool_)
