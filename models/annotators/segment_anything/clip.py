"""The frames of a clip given to a network that masks persons, and its masks gathered; the same for both networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from models.annotators.base import TrackedPerson
from models.annotators.compute import Batches
from models.annotators.rle import encode_mask
from models.annotators.segment_anything.prompts import Prompts, body_joints, prompts_of
from schemas.arrays import Bool
from schemas.records import Frames, Mask

Seen = TypeVar("Seen")
"""What a network has made of one picture before it is told of any person."""


def mask_persons(
    frames: Frames,
    persons: tuple[TrackedPerson, ...],
    batches: Batches,
    look: Callable[[Sequence[int]], Sequence[Seen]],
    step: Callable[[Seen, tuple[int, int], Sequence[int], Prompts], dict[int, Bool]],
) -> tuple[Mask, ...]:
    """One mask track per person, in the order given; empty where the person is not present.

    look: at several frames together, by number; only at those with a person. step: masks of the persons present in the
    next of these frames, by the persons' numbers; told what was seen, height and width, who is there and where.
    """
    size = (frames.height, frames.width)
    poses = [body_joints(person.pose) for person in persons]
    present_PT = np.array([pose.present_T for pose in poses], np.bool_).reshape(len(poses), len(frames))
    rows = [[encode_mask(np.zeros(size, np.bool_))] * len(frames) for _ in persons]
    shown = np.flatnonzero(present_PT.any(0)).tolist()
    for frame, seen in zip(shown, batches.run(look, shown), strict=True):
        here = np.flatnonzero(present_PT[:, frame]).tolist()
        prompts = prompts_of([poses[person] for person in here], frame, *size)
        for person, mask_HW in step(seen, size, here, prompts).items():
            rows[person][frame] = encode_mask(mask_HW)
    return tuple(Mask(tuple(r for r, _ in row), tuple(a for _, a in row), size[1], size[0]) for row in rows)
