"""Left and right, kept apart over time: of a person seen from behind the network swaps them now and then."""

from __future__ import annotations

import numpy as np

from schemas.arrays import F32, Bool
from schemas.skeletons import BLAZEPOSE_33

_CLEAR = 0.5
"""A swap is undone only if the joints then move less than this part of how far they jump with it."""
_OTHER = {"left": "right", "right": "left"}


def _partner(index: int, joint: str) -> int:
    for side, other in _OTHER.items():
        if side in joint:
            return BLAZEPOSE_33.index(joint.replace(side, other))
    return index


_MIRRORED = np.array([_partner(index, joint) for index, joint in enumerate(BLAZEPOSE_33.joints)])
"""Index of each joint's partner on the other side of the body; its own if it has none."""


def untangle_sides(xy_TJ2: F32, confidence_TJ: F32, present_T: Bool) -> tuple[F32, F32]:
    """Keypoints and confidences with swapped frames swapped back; the side names that most frames have are kept.

    A frame counts as swapped against the frame before if mirroring the names makes the joints jump far less.
    Frames without the person are passed over.
    """
    frames = np.flatnonzero(present_T)
    if len(frames) < 2:
        return xy_TJ2, confidence_TJ
    now, before = xy_TJ2[frames[1:]], xy_TJ2[frames[:-1]]
    weight = np.minimum(confidence_TJ[frames[1:]], confidence_TJ[frames[:-1]])
    as_named = (weight * np.linalg.norm(now - before, axis=-1)).sum(1)
    mirrored = (weight * np.linalg.norm(now[:, _MIRRORED] - before, axis=-1)).sum(1)
    swapped = np.concatenate([[False], np.logical_xor.accumulate(mirrored < _CLEAR * as_named)])
    if 2 * swapped.sum() > len(swapped):
        swapped = ~swapped
    xy, confidence = xy_TJ2.copy(), confidence_TJ.copy()
    wrong = frames[swapped]
    xy[wrong], confidence[wrong] = xy[wrong][:, _MIRRORED], confidence[wrong][:, _MIRRORED]
    return xy, confidence
