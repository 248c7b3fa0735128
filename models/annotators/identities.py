"""Persons found picture by picture, joined over a clip: who is who, who comes first.

Shape suffixes: T frames, J joints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from schemas.arrays import F32
from schemas.records import Pose

_SURE_JOINT = 0.3
_SAME_PERSON = 0.35
"""Mean distance of joints, over the person's size, below which two finds may be one person."""
_REMEMBERED_S = 1.0
_LEAST_S = 0.5
"""A bystander seen for less time than this is left out."""


@dataclass(frozen=True, slots=True)
class Find:
    """A person in one picture. xy_J2: px, NaN where missing. confidence_J: 0..1, 0 where missing."""

    xy_J2: F32
    confidence_J: F32

    @property
    def box_xyxy(self) -> F32:
        """(4,) px around the sure joints, or all that were found."""
        sure = self.confidence_J >= _SURE_JOINT
        places = self.xy_J2[sure if sure.any() else np.isfinite(self.xy_J2).all(1)]
        return np.concatenate([places.min(0), places.max(0)])

    @property
    def size_px(self) -> float:
        """Side of a square as large as the box."""
        x0, y0, x1, y1 = self.box_xyxy
        return float(np.sqrt(max(1.0, x1 - x0) * max(1.0, y1 - y0)))

    @property
    def score(self) -> float:
        """Mean confidence of the joints found."""
        found = self.confidence_J > 0
        return float(self.confidence_J[found].mean()) if found.any() else 0.0

    def distance(self, other: Find) -> float:
        """Mean distance of the joints both have, over their size; infinite if they share none."""
        shared = (self.confidence_J > 0) & (other.confidence_J > 0)
        if not shared.any():
            return float("inf")
        apart = np.linalg.norm(self.xy_J2[shared] - other.xy_J2[shared], axis=1).mean()
        return float(apart / min(self.size_px, other.size_px))


@dataclass(slots=True)
class _Person:
    finds: dict[int, Find] = field(default_factory=dict)

    def last(self) -> tuple[int, Find]:
        frame = max(self.finds)
        return frame, self.finds[frame]

    def weight(self) -> float:
        return sum(find.size_px**2 * find.score for find in self.finds.values())


def follow_persons(found: Sequence[Sequence[Find]], fps: float, most: int, skeleton: str) -> tuple[Pose, ...]:
    """Poses over the clip from the finds of each frame; the person who fills most of the clip comes first.

    Each find goes to the person who was nearest to it when last seen, within a second; the nearest pairs first.
    """
    persons: list[_Person] = []
    for frame, finds in enumerate(found):
        _assign(persons, frame, [find for find in finds if (find.confidence_J > 0).any()], _REMEMBERED_S * fps)
    order = sorted(persons, key=lambda person: -person.weight())
    kept = [p for i, p in enumerate(order) if i == 0 or len(p.finds) >= _LEAST_S * fps]
    return tuple(_pose(person, len(found), skeleton) for person in kept[:most])


def _assign(persons: list[_Person], frame: int, finds: list[Find], remembered: float) -> None:
    recent = [(person, *person.last()) for person in persons]
    pairs = sorted(
        (find.distance(last), i, j)
        for i, (_, seen, last) in enumerate(recent)
        for j, find in enumerate(finds)
        if frame - seen <= remembered
    )
    known: set[int] = set()
    taken: set[int] = set()
    for distance, i, j in pairs:
        if distance < _SAME_PERSON and i not in known and j not in taken:
            recent[i][0].finds[frame] = finds[j]
            known.add(i)
            taken.add(j)
    persons += [_Person({frame: find}) for j, find in enumerate(finds) if j not in taken]


def _pose(person: _Person, frames: int, skeleton: str) -> Pose:
    joints = len(next(iter(person.finds.values())).confidence_J)
    xy_TJ2 = np.full((frames, joints, 2), np.nan, np.float32)
    confidence_TJ = np.zeros((frames, joints), np.float32)
    for frame, find in person.finds.items():
        xy_TJ2[frame], confidence_TJ[frame] = find.xy_J2, find.confidence_J
    present_T = np.zeros(frames, np.bool_)
    present_T[list(person.finds)] = True
    return Pose(xy_TJ2, confidence_TJ, present_T, skeleton)
