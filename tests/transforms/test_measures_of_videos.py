"""The project's own measures: each tells the right from the wrong by a known amount."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from schemas.records import Pose, Tracks
from schemas.skeletons import COCO_17
from transforms.measures.drift import colour_drift, identity_drift
from transforms.measures.ground import PIECE, ground_error
from transforms.measures.pose_error import pose_error
from transforms.measures.warp_error import warp_error

SIZE = 128


def ground(speed: float, frames: int, seed: int = 0) -> np.ndarray:
    """(T, H, W, 3) textured ground that moves left by `speed` px a frame."""
    noise = np.random.default_rng(seed).random((SIZE // 8, 6 * SIZE // 8, 3)).astype(np.float32)
    wide = cv2.resize(noise, (6 * SIZE, SIZE), interpolation=cv2.INTER_CUBIC).clip(0, 1) * 255
    moves = [np.array([[1, 0, 250 + speed * t], [0, 1, 0]], np.float32) for t in range(frames)]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.stack([cv2.warpAffine(wide, m, (SIZE, SIZE), flags=flags).round().astype(np.uint8) for m in moves])


def luma(video: np.ndarray) -> np.ndarray:
    return np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in video])


def tracks_of(speed: float, frames: int) -> Tracks:
    """Points of a long strip of that ground; they come in on the right and leave on the left."""
    start = np.stack(np.meshgrid(np.arange(8, 600, 16), np.arange(8, SIZE, 16)), -1).reshape(-1, 1, 2)
    xy_NT2 = (start - np.array([speed, 0]) * np.arange(frames)[:, None]).astype(np.float32)
    visible = (xy_NT2 >= 4).all(-1) & (xy_NT2 <= SIZE - 5).all(-1)
    return Tracks(xy_NT2, visible, np.zeros_like(visible), visible.argmax(1).astype(np.int32))


def test_the_ground_of_a_long_video_is_right_where_it_follows_its_tracks():
    """Points that were there at first are long gone at the end."""
    frames, speed = 4 * PIECE, 3.0
    right = ground_error(luma(ground(speed, frames)), tracks_of(speed, frames))
    still = ground_error(luma(ground(0.0, frames)), tracks_of(speed, frames))
    away = ground_error(luma(ground(-speed, frames)), tracks_of(speed, frames))
    assert right.still == still.still == away.still > 20, "3 px a frame, doubled to a side of 256, over 15 frames"
    assert right.ratio < 0.05
    assert still.ratio == pytest.approx(1, abs=0.05)
    assert away.ratio > 1.7


def test_the_error_of_a_ground_that_lags_is_the_lag():
    """2 px a frame in place of 3: a third of what standing still would be."""
    found = ground_error(luma(ground(2.0, PIECE)), tracks_of(3.0, PIECE))
    assert found.ratio == pytest.approx(1 / 3, abs=0.03)


def test_the_ratio_of_ground_that_should_stand_still_is_not_told():
    found = ground_error(luma(ground(0.0, PIECE)), tracks_of(0.0, PIECE))
    assert found.ratio is None and found.error < 0.1 and found.still == 0


def test_points_behind_the_person_that_is_seen_do_not_count():
    frames = PIECE
    video = ground(2.0, frames)
    people = np.zeros(video.shape[:3], np.bool_)
    people[:, :, 30:90] = True
    video[people] = (200, 30, 30)
    tracks = tracks_of(2.0, frames)
    naive, fair = ground_error(luma(video), tracks), ground_error(luma(video), tracks, people)
    assert fair.ratio < 0.05 < 0.3 < naive.ratio
    assert 0 < fair.places < naive.places
    everywhere = np.ones_like(people)
    assert ground_error(luma(video), tracks, everywhere) is None


def poses(shift: float = 0.0, frames: int = 5) -> Pose:
    """A person whose torso is 40 px long, walking; every joint moved by a shift."""
    rng = np.random.default_rng(0)
    joints = rng.uniform(20, 100, (len(COCO_17.joints), 2))
    for side in ("left", "right"):
        joints[COCO_17.index(f"{side}_shoulder")] = (50, 40)
        joints[COCO_17.index(f"{side}_hip")] = (50, 80)
    xy = np.stack([joints + np.array([2 * t + shift, 2 * t]) for t in range(frames)])
    return Pose(xy.astype(np.float32), np.ones(xy.shape[:2], np.float32), np.ones(frames, np.bool_), COCO_17.name)


def test_the_pose_error_is_the_shift_in_torsos():
    found = pose_error([poses(6.0)], poses())
    assert found.error == pytest.approx(6 / 40, rel=1e-5)
    assert (found.found, found.pck_10, found.pck_20) == (1, 0, 1)
    perfect = pose_error([poses()], poses())
    assert (perfect.error, perfect.pck_10) == (0, 1)


def test_a_person_lost_in_some_frames_misses_their_joints_and_others_do_not_count_as_it():
    lost = poses()
    gone = np.array([True, False, True, False, True])
    lost.xy_TJ2[~gone] = np.nan
    found = pose_error([poses(300.0), Pose(lost.xy_TJ2, lost.confidence_TJ, gone, lost.skeleton)], poses())
    assert (found.error, found.found, found.pck_20) == (0, pytest.approx(0.6), pytest.approx(0.6))
    nobody = pose_error([], poses())
    assert (nobody.error, nobody.found, nobody.pck_20) == (None, 0, 0)
    unseen = poses()
    assert pose_error([poses()], Pose(unseen.xy_TJ2, 0 * unseen.confidence_TJ, gone, unseen.skeleton)) is None


def reddening(step: float, clips: int = 4, length: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """A grey video with a person in it, whose red grows by `step` from clip to clip; and the person's mask."""
    video, mask = np.full((clips * length, 24, 24, 3), 120.0), np.zeros((clips * length, 24, 24), np.bool_)
    mask[:, 6:18, 8:16] = True
    grown = 100 + step * np.repeat(np.arange(clips), length)
    for t in range(len(video)):
        video[t][mask[t]] = (grown[t], 90, 90)
    return video.round().astype(np.uint8), mask


def test_colours_drift_by_what_they_change_from_clip_to_clip():
    video, mask = reddening(10.0)
    person, whole = colour_drift(video, 4, mask), colour_drift(video, 4)
    lab = [cv2.cvtColor(video[t, 8:9, 10:11].astype(np.float32) / 255, cv2.COLOR_RGB2Lab)[0, 0] for t in (0, 4, 8, 12)]
    assert person.distances == pytest.approx([np.linalg.norm(x - lab[0]) for x in lab], rel=1e-4)
    assert person.per_clip == pytest.approx(np.polyfit(range(4), person.distances, 1)[0])
    share = mask.mean()
    assert whole.distances[-1] == pytest.approx(share * person.distances[-1], rel=1e-3)
    steady = colour_drift(*reddening(0.0)[:1], 4, mask)
    assert steady.per_clip == pytest.approx(0, abs=1e-9)


def test_a_video_of_one_clip_has_no_drift_to_tell_and_nobody_has_none():
    video, mask = reddening(10.0, clips=1)
    assert colour_drift(video, 4, mask).per_clip is None
    nobody = identity_drift(video, 4, np.zeros_like(mask))
    assert (nobody.distances, nobody.per_clip) == ((), None)


def test_a_person_in_other_clothes_has_drifted_and_one_in_other_light_little():
    video, mask = reddening(0.0)
    brighter, dressed = video.copy(), video.copy()
    brighter[8:][mask[8:]] = (106, 96, 96)
    dressed[8:][mask[8:]] = (60, 90, 200)
    assert identity_drift(video, 4, mask).distances == pytest.approx([0, 0, 0, 0], abs=1e-6)
    assert identity_drift(dressed, 4, mask).distances == pytest.approx([0, 0, 1, 1], abs=1e-6)
    assert max(identity_drift(brighter, 4, mask).distances) < 0.1


def test_the_warp_error_is_the_change_that_no_motion_explains():
    moving = ground(2.0, 6)
    flicker = moving.astype(int)
    flicker[1::2] += 15
    flicker = flicker.clip(0, 255).astype(np.uint8)
    room = moving < 240  # where the added light is not cut off
    assert room.mean() > 0.9
    still, steady, flickering = warp_error(ground(0.0, 6)), warp_error(moving), warp_error(flicker)
    assert still == 0
    assert steady < 0.01
    assert flickering == pytest.approx(15 / 255, abs=0.012)
    assert warp_error(moving[:1]) is None


def test_shuffled_frames_are_not_steady():
    moving = ground(2.0, 8)
    melted = np.stack([ground(2.0, 8, seed)[t] for t, seed in enumerate(range(8))])
    assert warp_error(melted) > 5 * warp_error(moving)
