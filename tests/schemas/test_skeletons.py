from __future__ import annotations

import numpy as np
import pytest

from schemas.records import Pose
from schemas.skeletons import SKELETONS, Skeleton
from schemas.skeletons.conversion import converted

BODY = (
    *("nose", "left_eye", "right_eye", "left_ear", "right_ear"),
    *(f"{side}_{joint}" for side in ("left", "right") for joint in ("shoulder", "elbow", "wrist", "hip", "knee")),
)


def pose_of(skeleton: str, frames: int = 3) -> Pose:
    rng = np.random.default_rng(0)
    joints = len(SKELETONS[skeleton].joints)
    xy_TJ2 = rng.uniform(0, 100, (frames, joints, 2)).astype(np.float32)
    confidence_TJ = rng.uniform(0.1, 1, (frames, joints)).astype(np.float32)
    return Pose(xy_TJ2, confidence_TJ, np.ones(frames, np.bool_), skeleton)


def at(pose: Pose, joint: str) -> np.ndarray:
    return pose.xy_TJ2[:, SKELETONS[pose.skeleton].index(joint)]


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS)
def test_joints_are_named_once_and_bones_join_two_of_them(skeleton: Skeleton) -> None:
    assert len(set(skeleton.joints)) == len(skeleton.joints) == int(skeleton.name.rpartition("_")[2])
    assert all(a != b and max(a, b) < len(skeleton.joints) for a, b in skeleton.bones)
    assert len(set(map(frozenset, skeleton.bones))) == len(skeleton.bones)
    assert set(skeleton.face) < set(range(len(skeleton.joints)))


def test_the_whole_body_is_laid_out_as_coco_publishes_it() -> None:
    joints = SKELETONS["coco_wholebody_133"].joints
    assert joints[:17] == SKELETONS["coco_17"].joints
    assert joints[17] == "left_big_toe"
    assert joints[23:91] == tuple(f"face_{i}" for i in range(68))
    assert joints[91] == "left_hand_root"
    assert joints[112] == "right_hand_root"
    assert joints[132] == "right_pinky_finger4"


@pytest.mark.parametrize("source", SKELETONS)
@pytest.mark.parametrize("target", SKELETONS)
def test_the_body_is_in_its_place_in_every_other_skeleton(source: str, target: str) -> None:
    pose = pose_of(source)
    other = converted(pose, target)
    assert other.skeleton == target
    assert other.xy_TJ2.shape[1] == len(SKELETONS[target].joints)
    for joint in BODY:
        assert np.array_equal(at(other, joint), at(pose, joint))


def test_the_neck_lies_between_the_shoulders_and_is_as_sure_as_the_less_sure_one() -> None:
    pose = pose_of("coco_17")
    pose.confidence_TJ[:, 5], pose.confidence_TJ[:, 6] = 0.9, 0.2
    other = converted(pose, "openpose_25")
    assert np.allclose(at(other, "neck"), (at(pose, "left_shoulder") + at(pose, "right_shoulder")) / 2)
    assert np.allclose(at(other, "mid_hip"), (at(pose, "left_hip") + at(pose, "right_hip")) / 2)
    assert np.allclose(other.confidence_TJ[:, 1], 0.2)


def test_what_a_skeleton_lacks_is_missing_and_not_at_all_sure() -> None:
    other = converted(pose_of("openpose_18"), "coco_wholebody_133")
    assert np.isnan(at(other, "face_30")).all()
    assert other.confidence_TJ[:, 17:].max() == 0
    pose = pose_of("coco_17")
    pose.xy_TJ2[1, 5], pose.confidence_TJ[1, 5] = np.nan, 0
    neck = converted(pose, "openpose_18")
    assert np.isnan(neck.xy_TJ2[1, 1]).all() and neck.confidence_TJ[1, 1] == 0
    assert np.isfinite(neck.xy_TJ2[0, 1]).all()


def test_feet_and_knuckles_pass_between_blazepose_and_the_whole_body() -> None:
    pose = pose_of("coco_wholebody_133")
    other = converted(pose, "blazepose_33")
    assert np.array_equal(at(other, "left_foot_index"), at(pose, "left_big_toe"))
    assert np.array_equal(at(other, "right_index"), at(pose, "right_forefinger1"))
    assert np.array_equal(at(other, "mouth_right"), at(pose, "face_48"))
    assert np.isfinite(other.xy_TJ2).all()
