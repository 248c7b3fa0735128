"""Tracks without a driving video: still ground before a moving camera."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from schemas.records import Tracks
from transforms.rasterising.selection import choose_points
from transforms.track_presets.tracks import PRESETS, preset_tracks, retime, retime_tracks, transfer_tracks

FPS = Fraction(24)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_points_to_choose_at_every_frame(name: str) -> None:
    tracks = preset_tracks(name, 144, 96, 64, FPS, seed=3)
    for start in range(0, 144, 15):
        assert len(choose_points(tracks, start, min(start + 16, 144), (96, 64), 50, (start,)).ids_N) >= 30
    assert tracks.visible_NT[np.arange(len(tracks.query_frame_N)), tracks.query_frame_N].all()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_moves_all_points_by_one_similarity(name: str) -> None:
    tracks = preset_tracks(name, 50, 96, 64, FPS, seed=3)
    start, end = (tracks.xy_NT2[:, t].astype(float) for t in (0, 49))
    design = np.concatenate([start, np.ones((len(start), 1))], 1)
    fitted, *_ = np.linalg.lstsq(design, end, rcond=None)
    np.testing.assert_allclose(design @ fitted, end, atol=0.01)
    np.testing.assert_allclose(fitted[0, 0], fitted[1, 1], atol=1e-4)
    moved = np.abs(end - start).max()
    assert moved < 0.01 if name == "static" else moved > 1


@pytest.mark.parametrize("name", ["pan", "zoom", "rotate"])
def test_a_swing_comes_back_to_where_it_began(name: str) -> None:
    tracks = preset_tracks(name, 145, 96, 64, FPS)
    np.testing.assert_allclose(tracks.xy_NT2[:, 144], tracks.xy_NT2[:, 0], atol=0.01)


def test_handheld_is_smooth_and_follows_its_seed() -> None:
    one, two, same = (preset_tracks("handheld", 60, 96, 64, FPS, seed).xy_NT2 for seed in (1, 2, 1))
    np.testing.assert_array_equal(one, same)
    assert one.shape != two.shape or np.abs(one - two).max() > 0.5
    steps = np.diff(one[:, :, 0], axis=1)
    assert np.abs(np.diff(steps, axis=1)).max() < 0.6


def test_transferred_tracks_cover_the_other_size_and_keep_its_middle() -> None:
    xy = np.array([[[31.5, 23.5]], [[0.0, 0.0]], [[31.5, 0.0]]], np.float32)
    tracks = Tracks(xy, np.ones((3, 1), bool), np.zeros((3, 1), bool), np.zeros(3, np.int32))
    moved = transfer_tracks(tracks, (64, 48), (96, 96))
    np.testing.assert_allclose(moved.xy_NT2[0, 0], [47.5, 47.5])
    assert moved.visible_NT[:, 0].tolist() == [True, False, True]
    np.testing.assert_allclose(moved.xy_NT2[2, 0, 1], 47.5 - 23.5 * 2)


def test_a_clip_that_is_too_short_is_played_to_and_fro() -> None:
    assert retime(4, FPS, 9, FPS).tolist() == [0, 1, 2, 3, 2, 1, 0, 1, 2]
    assert retime(10, Fraction(30), 5, Fraction(15)).tolist() == [0, 2, 4, 6, 8]
    assert retime(1, FPS, 3, FPS).tolist() == [0, 0, 0]


def test_retimed_tracks_name_the_first_frame_that_shows_a_point() -> None:
    visible = np.array([[False, True, True], [True, False, False]])
    tracks = Tracks(np.zeros((2, 3, 2), np.float32), visible, ~visible, np.array([1, 0], np.int32))
    assert retime_tracks(tracks, np.array([2, 1, 0])).query_frame_N.tolist() == [0, 2]
