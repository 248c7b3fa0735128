"""What was seen of each person, frame by frame, and the pose and mask tracks made of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.annotators.base import TrackedPerson
from models.annotators.blazepose.landmarks import JOINTS, Landmarks
from models.annotators.blazepose.masks import encode_persons
from models.annotators.blazepose.sides import untangle_sides
from models.annotators.blazepose.smoothing import smooth
from models.annotators.rle import encode_mask
from schemas.records import Frames, Mask, Pose
from schemas.skeletons import BLAZEPOSE_33

Finds = dict[int, Landmarks]
"""What was found of one person, by frame."""

_LEAST_SHARE_S = 0.5
"""A bystander seen for less time than this is left out, s."""


def ranked(persons: Sequence[Finds], fps: float, most: int) -> list[Finds]:
    """The main person, who fills most of the clip, then others by the same measure; brief bystanders left out."""
    order = sorted(persons, key=lambda finds: -sum(m.area_px * m.presence for m in finds.values()))
    return [f for i, f in enumerate(order) if i == 0 or len(f) >= _LEAST_SHARE_S * fps][:most]


def to_tracked(persons: Sequence[Finds], frames: Frames, *, masks: bool) -> tuple[TrackedPerson, ...]:
    """Poses, steadied, and masks if wanted, of persons over the clip, in the order given."""
    made = _masks(persons, frames) if masks else [None] * len(persons)
    return tuple(TrackedPerson(_pose(f, len(frames), float(frames.fps)), m) for f, m in zip(persons, made, strict=True))


def _pose(finds: Finds, count: int, fps: float) -> Pose:
    xy = np.full((count, JOINTS, 2), np.nan, np.float32)
    confidence = np.zeros((count, JOINTS), np.float32)
    size = np.full(count, np.nan, np.float32)
    for frame, marks in finds.items():
        xy[frame], confidence[frame], size[frame] = marks.xy_J2, marks.confidence_J, marks.next_roi.size
    present = np.isfinite(size)
    xy, confidence = untangle_sides(xy, confidence, present)
    return Pose(smooth(xy, confidence, present, size, fps), confidence, present, BLAZEPOSE_33.name)


def _masks(persons: Sequence[Finds], frames: Frames) -> list[Mask]:
    empty = encode_mask(np.zeros((frames.height, frames.width), np.bool_))
    rows = [[empty] * len(frames) for _ in persons]
    for frame in range(len(frames)):
        found = {i: finds[frame] for i, finds in enumerate(persons) if frame in finds}
        for i, encoded in encode_persons(found, frames.height, frames.width).items():
            rows[i][frame] = encoded
    size = (frames.width, frames.height)
    return [Mask(tuple(rle for rle, _ in row), tuple(area for _, area in row), *size) for row in rows]
