from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from schemas.records import Mask, Pose, Tracks
from schemas.scores import Scores
from schemas.skeletons import BLAZEPOSE_33
from transforms.annotation.face import face_seen
from transforms.annotation.scores import camera_of_tracks, person_motion, with_camera, with_person

W, H, T = 400, 300, 60
FPS = Fraction(30)
# A person seen from the front, in torso lengths from the hips, x to the right of the picture, y down.
FRONT = {
    "shoulder": (0.3, -1.0), "elbow": (0.4, -0.5), "wrist": (0.4, -0.1), "hip": (0.2, 0.0), "knee": (0.2, 0.9),
    "ankle": (0.2, 1.8), "eye": (0.06, -1.45), "ear": (0.13, -1.4),
}  # fmt: skip
TORSO = 60.0


def person(x: float = 200.0, y: float = 150.0, torso: float = TORSO, facing: float = 1.0) -> Pose:
    """Standing still. facing: 1 frontal, -1 seen from behind, 0.1 nearly in profile."""
    xy_J2 = np.zeros((33, 2))
    for index, joint in enumerate(BLAZEPOSE_33.joints):
        part = joint.replace("left_", "").replace("right_", "").split("_")[0]
        dx, dy = FRONT.get(part, (0.0, -1.35))
        xy_J2[index] = (facing * (dx if "left" in joint else -dx), dy)
    xy_J2[0] = (0.15 * (1 - abs(facing)), -1.38)
    xy_TJ2 = np.tile(np.array([x, y]) + torso * xy_J2, (T, 1, 1)).astype(np.float32)
    return Pose(xy_TJ2, np.ones((T, 33), np.float32), np.ones(T, np.bool_), BLAZEPOSE_33.name)


def absent(pose: Pose, frames: slice) -> Pose:
    pose.xy_TJ2[frames], pose.confidence_TJ[frames], pose.present_T[frames] = np.nan, 0, False
    return pose


def areas(values: list[int]) -> Mask:
    return Mask(("",) * len(values), tuple(values), W, H)


def scored(pose: Pose, area_px: int = 12_000) -> Scores:
    return with_person(Scores(), pose, areas([area_px] * T), FPS)


def test_share_and_area_count_the_frames_with_the_person():
    sizes = [0] * 15 + [12_000] * 40 + [6_000] * 5
    scores = with_person(Scores(person_count=1.0), absent(person(), slice(0, 15)), areas(sizes), FPS)
    assert scores.person_count == 1
    assert scores.person_share == 45 / 60
    assert scores.person_area_mean == pytest.approx((40 * 0.1 + 5 * 0.05) / 45)
    assert scores.person_area_min == pytest.approx(0.05)


def test_a_single_bad_mask_does_not_set_the_smallest_area():
    scores = with_person(Scores(), person(), areas([12_000] * 59 + [1]), FPS)
    assert scores.person_area_min == pytest.approx(0.1)


@pytest.mark.parametrize(("hips_y", "joints_outside"), [(150, 0), (240, 2), (290, 4), (1000, 12)])
def test_cut_off_is_the_share_of_limb_joints_outside_the_picture(hips_y, joints_outside):
    # Knees and ankles are 54 and 108 px below the hips: the ankles leave the picture of 300 px first.
    assert scored(person(y=hips_y)).person_cut_off == pytest.approx(joints_outside / 12)


@pytest.mark.parametrize(("facing", "seen"), [(1.0, 1.0), (0.5, 1.0), (0.05, 1.0), (-1.0, 0.0), (-0.6, 0.0)])
def test_a_face_is_seen_from_the_front_and_in_profile_but_not_from_behind(facing, seen):
    assert scored(person(facing=facing)).face_visible == seen


def test_a_face_is_told_from_a_back_whichever_way_the_person_is_turned():
    for facing, seen in ((1.0, 1.0), (-1.0, 0.0)):
        upright = person(facing=facing)
        turned = (upright.xy_TJ2 - 200) @ np.array([[0, 1], [-1, 0]], np.float32) + 150
        pose = Pose(turned.astype(np.float32), upright.confidence_TJ, upright.present_T, upright.skeleton)
        assert scored(pose).face_visible == seen


def test_a_few_frames_in_which_left_and_right_are_mixed_up_change_nothing():
    pose = person(facing=-1)
    pose.xy_TJ2[20:26] = person(facing=1).xy_TJ2[20:26]
    assert not face_seen(pose, W, H, 30).any()


def test_a_face_outside_the_picture_too_small_or_unsure_is_not_seen():
    unsure = person()
    unsure.confidence_TJ[:, list(BLAZEPOSE_33.face)] = 0.2
    for pose in (person(y=60), person(torso=8), unsure):
        assert scored(pose).face_visible == 0


def test_a_face_counts_in_frames_with_the_person_only():
    assert scored(absent(person(), slice(0, 30))).face_visible == 0.5


def test_carrying_the_whole_person_along_is_no_motion_of_the_person():
    pose = person()
    pose.xy_TJ2[..., 0] += 3.0 * np.arange(T)[:, None]
    assert person_motion(pose, 30) == pytest.approx(0, abs=1e-4)


def test_person_motion_is_the_mean_speed_of_the_limbs_in_torso_lengths():
    pose = person()
    wrist = BLAZEPOSE_33.index("left_wrist")
    pose.xy_TJ2[:, wrist, 1] += TORSO / 30 * np.arange(T)  # one torso length per second, one of twelve joints
    assert person_motion(pose, 30) == pytest.approx(1 / 12, rel=0.01)
    larger = Pose(pose.xy_TJ2 * 3, pose.confidence_TJ, pose.present_T, pose.skeleton)
    assert person_motion(larger, 30) == pytest.approx(1 / 12, rel=0.01)


def test_joints_that_are_not_sure_do_not_count_as_motion():
    pose = person()
    wrist = BLAZEPOSE_33.index("left_wrist")
    pose.xy_TJ2[:, wrist] += np.random.default_rng(0).normal(0, 100, (T, 2))
    pose.confidence_TJ[:, wrist] = 0.1
    assert person_motion(pose, 30) == pytest.approx(0, abs=1e-4)


def test_a_person_never_found_has_a_share_and_no_other_score():
    scores = scored(absent(person(), slice(None)), area_px=0)
    assert scores.person_share == 0
    assert scores.face_visible == 0
    unknown = (scores.person_area_mean, scores.person_area_min, scores.person_cut_off, scores.person_motion)
    assert unknown == (None,) * 4


def test_points_covered_by_the_person_do_not_speak_for_the_background():
    start = np.stack(np.meshgrid(np.arange(10, W, 30), np.arange(10, H, 30)), axis=-1).reshape(-1, 2)
    count = len(start)
    on_person = np.arange(count) < 0.6 * count
    speed = np.where(on_person, 9.0, 2.0)
    xy = np.repeat(start[:, None], T, axis=1).astype(np.float32)
    xy[..., 0] += (speed[:, None] * np.arange(T)).astype(np.float32)
    covered = np.repeat(on_person[:, None], T, axis=1)
    tracks = Tracks(xy, np.ones((count, T), np.bool_), covered, np.zeros(count, np.int32))
    camera = camera_of_tracks(tracks, W, H, FPS)
    scores = with_camera(Scores(), camera)
    assert camera.kind == "pan"
    assert scores.background_motion == pytest.approx(2 * 30 / W, rel=0.01)
    assert scores.background_parallax == pytest.approx(0, abs=0.01)
    assert scores.background_tracked == 1
