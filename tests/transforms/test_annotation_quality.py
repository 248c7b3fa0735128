"""Steadiness of annotations that are shaken by a known amount."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.annotators.lucas_kanade import LucasKanade
from models.annotators.rle import encode_mask
from schemas.config import TracksConfig
from schemas.records import Mask, PersonAnnotation, Pose
from schemas.scores import Scores
from tests.models.footage import frames_of, motion, scene
from tests.transforms.test_annotation_scores import TORSO, H, T, W, absent, person
from transforms.annotation.quality import keypoint_jitter, mask_consistency, with_quality


def walking(pose: Pose, px: float) -> Pose:
    """The same, further to the right in each frame."""
    step_T12 = np.arange(T, dtype=np.float32)[:, None, None] * np.array([px, 0], np.float32)
    return replace(pose, xy_TJ2=pose.xy_TJ2 + step_T12)


def boxes(left: list[float], width: int = 80) -> Mask:
    """A box of 200 px height at each place."""
    encoded = []
    for x in left:
        picture = np.zeros((H, W), np.bool_)
        picture[50:250, round(x) : round(x) + width] = True
        encoded.append(encode_mask(picture))
    return Mask(tuple(rle for rle, _ in encoded), tuple(area for _, area in encoded), W, H)


def test_a_mask_that_goes_along_with_its_person_is_steady_and_one_that_stays_behind_is_not():
    pose = walking(person(x=60), 4)
    assert mask_consistency(boxes([20 + 4 * t for t in range(T)]), pose) == pytest.approx(1, abs=0.03)
    assert mask_consistency(boxes([20] * T), person()) == 1
    shaking = boxes([20 + 20 * (t % 2) for t in range(T)])
    assert mask_consistency(shaking, person()) == pytest.approx(60 / 100, abs=0.03)


def test_only_neighbouring_frames_with_the_person_count():
    pose = absent(person(), slice(20, 40))
    steady = boxes([20] * 20 + [300] * 20 + [20] * 20)
    assert mask_consistency(steady, pose) == 1
    assert mask_consistency(steady, absent(person(), slice(0, T))) is None


def test_jitter_is_told_from_motion_and_measured_in_torsos():
    assert keypoint_jitter(walking(person(), 5)) == pytest.approx(0, abs=1e-5)
    shaken = person()
    shaken.xy_TJ2[::2, :, 1] += 3
    assert keypoint_jitter(shaken) == pytest.approx(6 / TORSO, rel=0.01)
    assert keypoint_jitter(absent(person(), slice(0, T))) is None


def test_tracks_of_noise_come_back_worse_than_tracks_of_a_moving_plane():
    tracker = LucasKanade(TracksConfig(points=64))
    clear, _ = scene(motion(dx=-3), 5)
    noise = np.random.default_rng(0).integers(0, 255, clear.yuv_THW.shape, dtype=np.uint8)
    errors = [tracker.annotate(frames, ()).way_back_px for frames in (clear, frames_of(noise))]
    assert 0 < errors[0] < 0.1
    assert 0.5 < errors[1] <= TracksConfig().forward_backward_px
    assert tracker.annotate(frames_of(np.full((3, 540, 640), 128, np.uint8)), ()).way_back_px is None


def test_scores_are_of_the_main_person_and_of_the_tracks():
    tracks = LucasKanade(TracksConfig(points=64)).annotate(*scene(motion(dx=-3), 5))
    main = PersonAnnotation(person(), boxes([20] * T))
    other = PersonAnnotation(absent(person(), slice(0, T)), boxes([20] * T))
    scores = with_quality(Scores(), (main, other), tracks)
    assert (scores.mask_consistency, scores.keypoint_jitter) == (1, 0)
    assert scores.track_round_trip == tracks.way_back_px
    nobody = with_quality(Scores(), (), tracks)
    assert nobody.mask_consistency is None and nobody.track_round_trip == tracks.way_back_px
