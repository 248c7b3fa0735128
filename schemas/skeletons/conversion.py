"""A pose in another skeleton: joints by their names, some of them from others.

Shape suffixes: T frames, J joints.
"""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np

from schemas.records import Pose
from schemas.skeletons import SKELETONS, Skeleton

_HALVES = {"neck": ("left_shoulder", "right_shoulder"), "mid_hip": ("left_hip", "right_hip")}
"""Joints that lie in the middle between two others."""
_SIDED = (
    ("{}_foot_index", "{}_big_toe"),
    ("{}_index", "{}_forefinger1"),
    ("{}_pinky", "{}_pinky_finger1"),
    ("{}_thumb", "{}_thumb2"),
)
_FACE = {
    "mouth_left": "face_54",
    "mouth_right": "face_48",
    "left_eye_inner": "face_42",
    "left_eye_outer": "face_45",
    "right_eye_inner": "face_39",
    "right_eye_outer": "face_36",
}
"""Points of the face that BlazePose names, by their place among the 68."""
_SAME = [tuple(name.format(side) for name in pair) for pair in _SIDED for side in ("left", "right")]
_SAME += list(_FACE.items())


def converted(pose: Pose, skeleton: str) -> Pose:
    """The pose with the joints of another skeleton; those it does not have are NaN with confidence 0.

    Neck and hip centre are the middle of shoulders and hips, as sure as the less sure of the two. Joints that two
    skeletons name differently are taken for each other where they mean nearly the same place.
    """
    if pose.skeleton == skeleton:
        return pose
    pairs_J2 = _sources(SKELETONS[pose.skeleton], SKELETONS[skeleton])
    known_J = pairs_J2[:, 0] >= 0
    first, second = pose.xy_TJ2[:, pairs_J2[:, 0]], pose.xy_TJ2[:, pairs_J2[:, 1]]
    xy_TJ2 = np.where(known_J[:, None], (first + second) / 2, np.nan).astype(np.float32)
    sure_TJ = np.minimum(pose.confidence_TJ[:, pairs_J2[:, 0]], pose.confidence_TJ[:, pairs_J2[:, 1]])
    confidence_TJ = np.where(known_J & np.isfinite(xy_TJ2).all(-1), sure_TJ, 0).astype(np.float32)
    return replace(pose, xy_TJ2=xy_TJ2, confidence_TJ=confidence_TJ, skeleton=skeleton)


@functools.lru_cache(maxsize=64)
def _sources(source: Skeleton, target: Skeleton) -> np.ndarray:
    """(J, 2) for each joint of the target the two joints of the source it lies between; -1 where there are none."""
    return np.array([_pair(source, joint) for joint in target.joints], np.int64)


def _pair(source: Skeleton, joint: str) -> tuple[int, int]:
    for name in (joint, *_aliases(joint)):
        if name in source.joints:
            return source.index(name), source.index(name)
    halves = _HALVES.get(joint, ())
    if halves and all(half in source.joints for half in halves):
        return source.index(halves[0]), source.index(halves[1])
    return -1, -1


def _aliases(joint: str) -> list[str]:
    return [other for pair in _SAME if joint in pair for other in pair if other != joint]
