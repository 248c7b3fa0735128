"""Persons found by one annotator, numbered as another one numbered them.

Shape suffixes: T frames, J joints.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from schemas.records import Pose
from schemas.skeletons import COCO_17
from schemas.skeletons.conversion import converted

_SAME_PERSON = 0.35
"""Mean distance of the joints, over the person's size, below which two poses are of one person."""


def person_numbers(found: Sequence[Pose], known: Sequence[tuple[int, Pose]]) -> list[int]:
    """A number for each pose found: that of the known person it lies on, the nearest pairs first, or a new one."""
    pairs = sorted((_distance(pose, other), i, number) for i, pose in enumerate(found) for number, other in known)
    numbers: dict[int, int] = {}
    for distance, i, number in pairs:
        if distance < _SAME_PERSON and i not in numbers and number not in numbers.values():
            numbers[i] = number
    free = max((number for number, _ in known), default=-1) + 1
    for i in range(len(found)):
        if i not in numbers:
            numbers[i], free = free, free + 1
    return [numbers[i] for i in range(len(found))]


def _distance(a: Pose, b: Pose) -> float:
    """Mean distance of the joints both have in the frames both are in, over the size; infinite if they share none."""
    a, b = converted(a, COCO_17.name), converted(b, COCO_17.name)
    apart_TJ = np.linalg.norm(a.xy_TJ2 - b.xy_TJ2, axis=-1)
    shared_TJ = np.isfinite(apart_TJ)
    if not shared_TJ.any():
        return float("inf")
    frames = np.flatnonzero(shared_TJ.any(1))
    extent = np.nanmax(a.xy_TJ2[frames], axis=1) - np.nanmin(a.xy_TJ2[frames], axis=1)
    size = float(np.median(np.sqrt(np.maximum(extent.prod(-1), 1.0))))
    return float(np.median(apart_TJ[shared_TJ]) / size)
