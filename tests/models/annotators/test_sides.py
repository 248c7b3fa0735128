from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.annotators.blazepose.sides import untangle_sides
from schemas.skeletons import BLAZEPOSE_33

FRAMES, JOINTS = 30, len(BLAZEPOSE_33.joints)
LEFT = [i for i, joint in enumerate(BLAZEPOSE_33.joints) if "left" in joint]
RIGHT = [BLAZEPOSE_33.index(BLAZEPOSE_33.joints[i].replace("left", "right")) for i in LEFT]


def walker() -> tuple[np.ndarray, np.ndarray]:
    """A body whose sides are 60 px apart, drifting by 2 px a frame."""
    xy = np.zeros((FRAMES, JOINTS, 2), np.float32)
    xy[..., 1] = np.arange(JOINTS) * 8
    xy[:, LEFT, 0], xy[:, RIGHT, 0] = 160, 100
    xy[..., 0] += 2 * np.arange(FRAMES)[:, None]
    return xy, np.ones((FRAMES, JOINTS), np.float32)


def swap(xy: np.ndarray, frames: list[int]) -> np.ndarray:
    tangled = xy.copy()
    for frame in frames:
        tangled[frame, LEFT], tangled[frame, RIGHT] = xy[frame, RIGHT], xy[frame, LEFT]
    return tangled


@given(st.lists(st.integers(0, FRAMES - 1), max_size=FRAMES // 2 - 1, unique=True))
def test_frames_with_swapped_sides_are_swapped_back_wherever_they_are(frames: list[int]) -> None:
    xy, confidence = walker()
    untangled, _ = untangle_sides(swap(xy, frames), confidence, np.ones(FRAMES, bool))
    assert np.array_equal(untangled, xy)


def test_confidences_go_with_their_joints() -> None:
    xy, confidence = walker()
    confidence[:, LEFT] = 0.6
    tangled = confidence.copy()
    tangled[7, LEFT], tangled[7, RIGHT] = 1.0, 0.6
    _, untangled = untangle_sides(swap(xy, [7]), tangled, np.ones(FRAMES, bool))
    assert np.array_equal(untangled, confidence)


def test_legs_that_cross_while_walking_are_left_alone() -> None:
    xy, confidence = walker()
    stride = 30 * np.sin(np.arange(FRAMES) / 3)
    xy[:, LEFT, 0] = 130 + stride[:, None]
    xy[:, RIGHT, 0] = 130 - stride[:, None]
    untangled, _ = untangle_sides(xy, confidence, np.ones(FRAMES, bool))
    assert np.array_equal(untangled, xy)


def test_frames_without_the_person_are_passed_over() -> None:
    xy, confidence = walker()
    present = np.ones(FRAMES, bool)
    present[10:14] = False
    xy[~present] = np.nan
    untangled, _ = untangle_sides(swap(xy, [20]), confidence, present)
    assert np.array_equal(untangled, xy, equal_nan=True)
