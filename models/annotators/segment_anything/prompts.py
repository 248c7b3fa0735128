"""What the network is told of a person: a box, points on the body, points on other bodies.

Shape suffixes: P persons, K points, J joints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from schemas.arrays import F32, Bool
from schemas.records import Pose
from schemas.skeletons import COCO_17
from schemas.skeletons.conversion import converted

_SURE_JOINT = 0.5
_MARGIN = 0.12
"""How far the box reaches beyond the joints, over its longer side: joints lie inside the body, heads above the eyes."""
_ON_PERSON, _ELSEWHERE, _NOTHING = 1, 0, -1
"""Labels of points, as Segment Anything has them."""


@dataclass(frozen=True, slots=True)
class Prompts:
    """For the persons of one frame. box_P4: x0, y0, x1, y1 px. point_PK2: px. label_PK: see the labels above.

    on_person_PK: the point is one of the person's own sure joints.
    """

    box_P4: F32
    point_PK2: F32
    label_PK: np.ndarray

    @property
    def on_person_PK(self) -> Bool:
        """Points that lie on the person."""
        return np.asarray(self.label_PK == _ON_PERSON, np.bool_)

    def some(self, persons: Sequence[int]) -> Prompts:
        """The prompts of some of the persons."""
        chosen = list(persons)
        return Prompts(self.box_P4[chosen], self.point_PK2[chosen], self.label_PK[chosen])


def body_joints(pose: Pose) -> Pose:
    """The pose in COCO's 17 joints, which lie well inside a body."""
    return converted(pose, COCO_17.name)


def prompts_of(poses: Sequence[Pose], frame: int, height: int, width: int) -> Prompts:
    """Prompts for persons who are all present in the frame, in the order given. Skeleton: coco_17."""
    places = [_sure(pose, frame, height, width) for pose in poses]
    boxes = [_box(xy_K2, pose, frame, height, width) for xy_K2, pose in zip(places, poses, strict=True)]
    count = len(COCO_17.joints) * len(poses)
    point_PK2 = np.zeros((len(poses), count, 2), np.float32)
    label_PK = np.full((len(poses), count), _NOTHING, np.int64)
    for person, box in enumerate(boxes):
        others = [place for i, place in enumerate(places) if i != person]
        strange = np.concatenate([_inside(place, box) for place in others]) if others else places[person][:0]
        own = places[person]
        point_PK2[person, : len(own)], label_PK[person, : len(own)] = own, _ON_PERSON
        end = len(own) + len(strange)
        point_PK2[person, len(own) : end], label_PK[person, len(own) : end] = strange, _ELSEWHERE
    used = max(1, int((label_PK != _NOTHING).sum(1).max(initial=0)))
    return Prompts(np.stack(boxes), point_PK2[:, :used], label_PK[:, :used])


def _sure(pose: Pose, frame: int, height: int, width: int) -> F32:
    """(K, 2) sure joints inside the picture."""
    xy_J2 = pose.xy_TJ2[frame]
    seen = (pose.confidence_TJ[frame] >= _SURE_JOINT) & ((xy_J2 >= 0) & (xy_J2 <= (width - 1, height - 1))).all(1)
    return np.asarray(xy_J2[seen], np.float32)


def _box(sure_K2: F32, pose: Pose, frame: int, height: int, width: int) -> F32:
    xy_J2 = pose.xy_TJ2[frame]
    places = sure_K2 if len(sure_K2) > 1 else xy_J2[np.isfinite(xy_J2).all(1)]
    low, high = places.min(0), places.max(0)
    margin = _MARGIN * float((high - low).max())
    corners = np.concatenate([low - margin, high + margin])
    return np.asarray(np.clip(corners, 0, [width - 1, height - 1] * 2), np.float32)


def _inside(xy_K2: F32, box_4: F32) -> F32:
    within = (xy_K2 >= box_4[:2]).all(1) & (xy_K2 <= box_4[2:]).all(1)
    return np.asarray(xy_K2[within], np.float32)
