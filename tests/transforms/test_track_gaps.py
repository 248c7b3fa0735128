"""Points in the gaps of a clip's tracks: the ground is covered, and they move as the ground does."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import Tracks
from transforms.rasterising.selection import usable_points
from transforms.track_presets.camera import camera_path
from transforms.track_presets.gaps import fill_gaps
from transforms.track_presets.tracks import PRESETS, preset_tracks

FPS, SIZE, FRAMES, SEED = Fraction(24), (192, 128), 60, 3


def with_a_person(name: str) -> Tracks:
    """A preset's tracks, hidden by somebody who walks through the picture."""
    tracks = preset_tracks(name, FRAMES, *SIZE, FPS, SEED)
    middle_T2 = np.stack([np.linspace(60, 130, FRAMES), np.full(FRAMES, 70.0)], -1)
    on_person_NT = (np.abs(tracks.xy_NT2 - middle_T2) < (30, 55)).all(-1)
    return replace(tracks, on_person_NT=on_person_NT)


@pytest.mark.parametrize("name", PRESETS)
def test_gaps_are_covered_at_every_frame(name: str) -> None:
    tracks = with_a_person(name)
    filled = fill_gaps(tracks, SIZE)
    places = np.stack(np.meshgrid(np.arange(8, SIZE[0], 8), np.arange(8, SIZE[1], 8)), -1).reshape(-1, 2)

    def farthest(tracks: Tracks, frame: int) -> float:
        seen = tracks.xy_NT2[usable_points(tracks, SIZE)[:, frame], frame]
        return float(np.linalg.norm(places[:, None] - seen, axis=-1).min(1).max())

    for frame in (0, 17, 59):
        assert farthest(tracks, frame) > 30
        assert farthest(filled, frame) < 28


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("strays", [0.0, 0.15])
def test_points_in_gaps_move_as_the_ground(name: str, strays: float) -> None:
    tracks, rng = with_a_person(name), np.random.default_rng(1)
    astray_N = rng.random(len(tracks.xy_NT2)) < strays
    drift_NT2 = astray_N[:, None, None] * rng.normal(0, 1.5, (len(astray_N), 1, 2)) * np.arange(FRAMES)[:, None]
    filled = fill_gaps(replace(tracks, xy_NT2=(tracks.xy_NT2 + drift_NT2).astype(np.float32)), SIZE)
    maps_T33 = camera_path(name, np.arange(FRAMES) / float(FPS), *SIZE, SEED)
    off = []
    for xy_T2, visible_T, first in list(zip(filled.xy_NT2, filled.visible_NT, filled.query_frame_N, strict=True))[
        len(tracks.xy_NT2) :
    ]:
        ground = np.linalg.solve(maps_T33[first], np.append(xy_T2[first], 1))
        true_T3 = maps_T33 @ ground
        off.append(np.linalg.norm(xy_T2 - true_T3[:, :2] / true_T3[:, 2:], axis=-1)[visible_T].max())
    assert max(off) < 0.05 if not strays else np.percentile(off, 80) < 1


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 30))
def test_whatever_the_tracks_are_they_stay_and_new_points_lie_in_the_picture(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    xy_NT2 = (rng.random((count, 9, 2)) * 1.4 * SIZE - 20).astype(np.float32)
    visible_NT = rng.random((count, 9)) < 0.6
    tracks = Tracks(xy_NT2, visible_NT, rng.random((count, 9)) < 0.3, np.zeros(count, np.int32))
    filled = fill_gaps(tracks, SIZE)
    for name in ("xy_NT2", "visible_NT", "on_person_NT", "query_frame_N"):
        np.testing.assert_array_equal(getattr(filled, name)[:count], getattr(tracks, name))
    new = slice(count, None)
    assert np.isfinite(filled.xy_NT2[new]).all() and not filled.on_person_NT[new].any()
    assert (usable_points(filled, SIZE)[new] == filled.visible_NT[new]).all()
    assert (filled.visible_NT[new].argmax(1) == filled.query_frame_N[new]).all()
