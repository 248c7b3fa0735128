"""Driving poses in another person's proportions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from schemas.records import Pose
from schemas.skeletons import BLAZEPOSE_33
from transforms.retarget import retarget
from transforms.synthesis.drawing import SceneSettings, draw_scene

J = BLAZEPOSE_33.index
SURE = np.ones(33, np.float32)


def _pose(seed: int = 4, frames: int = 12) -> Pose:
    xy = draw_scene((seed,), SceneSettings(size=128, frames=frames, people=(1, 1))).puppets[0].joints_TJ2
    return Pose(xy.astype(np.float32), np.ones((frames, 33), np.float32), np.ones(frames, bool), BLAZEPOSE_33.name)


def _bone(xy: np.ndarray, a: str, b: str) -> np.ndarray:
    return xy[..., J(b), :] - xy[..., J(a), :]


def test_the_same_person_enlarged_and_elsewhere_gives_the_enlarged_motion_there() -> None:
    pose = _pose()
    reference = pose.xy_TJ2[0] * 1.7 + (40, -12)
    moved = retarget(pose, reference.astype(np.float32), SURE)
    np.testing.assert_allclose(moved.xy_TJ2[0], reference, atol=6)
    hips = pose.xy_TJ2[:, [J("left_hip"), J("right_hip")]].mean(1)
    new_hips = moved.xy_TJ2[:, [J("left_hip"), J("right_hip")]].mean(1)
    ratio = np.linalg.norm(np.ptp(new_hips, axis=0)) / np.linalg.norm(np.ptp(hips, axis=0))
    assert 1.3 < ratio < 2.1


def test_limbs_keep_the_drivers_directions_and_take_the_references_lengths() -> None:
    pose = _pose()
    reference = pose.xy_TJ2[0].copy()
    for side in ("left", "right"):
        shin = _bone(reference, f"{side}_knee", f"{side}_ankle").copy()
        for joint in ("ankle", "heel", "foot_index"):
            reference[J(f"{side}_{joint}")] += 0.25 * shin
    plain, longer = (retarget(pose, r, SURE).xy_TJ2 for r in (pose.xy_TJ2[0], reference))
    before, after = (_bone(xy, "left_knee", "left_ankle") for xy in (plain, longer))
    cosine = (before * after).sum(-1) / np.linalg.norm(before, axis=-1) / np.linalg.norm(after, axis=-1)
    np.testing.assert_allclose(cosine, 1, atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(after, axis=-1) / np.linalg.norm(before, axis=-1), 1.25, atol=0.12)
    thighs = [np.linalg.norm(_bone(xy, "left_hip", "left_knee"), axis=-1) for xy in (plain, longer)]
    np.testing.assert_allclose(thighs[0], thighs[1], rtol=1e-4)


def test_missing_joints_and_frames_stay_missing_and_spoil_nothing_else() -> None:
    pose = _pose()
    xy, present = pose.xy_TJ2.copy(), pose.present_T.copy()
    xy[:, J("left_wrist")] = np.nan
    xy[3], present[3] = np.nan, False
    moved = retarget(replace(pose, xy_TJ2=xy, present_T=present), pose.xy_TJ2[0], SURE)
    assert np.isnan(moved.xy_TJ2[:, J("left_wrist")]).all()
    assert np.isnan(moved.xy_TJ2[3]).all()
    assert not moved.present_T[3]
    assert np.isfinite(np.delete(moved.xy_TJ2[4], [J("left_wrist"), *(J(f"left_{f}") for f in
                       ("pinky", "index", "thumb"))], 0)).all()  # fmt: skip


def test_a_reference_cut_off_at_the_knees_is_measured_by_what_it_shows() -> None:
    pose = _pose()
    confidence = SURE.copy()
    reference = pose.xy_TJ2[0].copy()
    for side in ("left", "right"):
        for joint in ("knee", "ankle", "heel", "foot_index"):
            confidence[J(f"{side}_{joint}")] = 0
            reference[J(f"{side}_{joint}")] = 0
    moved = retarget(pose, reference, confidence)
    shins = np.linalg.norm(_bone(moved.xy_TJ2, "left_knee", "left_ankle"), axis=-1)
    own = np.linalg.norm(_bone(pose.xy_TJ2, "left_knee", "left_ankle"), axis=-1)
    np.testing.assert_allclose(shins / own, 1, atol=0.35)


def test_a_pose_without_a_torso_is_refused() -> None:
    pose = _pose()
    empty = replace(pose, xy_TJ2=np.full_like(pose.xy_TJ2, np.nan))
    with pytest.raises(ValueError, match="shoulders and hips"):
        retarget(empty, pose.xy_TJ2[0], SURE)
