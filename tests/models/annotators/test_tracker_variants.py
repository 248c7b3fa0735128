"""The trackers that Lucas-Kanade is compared with, and points that are given."""

from __future__ import annotations

import numpy as np
import pytest

from models.annotators.lucas_kanade import LucasKanade
from schemas.config import TracksConfig
from tests.models.annotators.test_lucas_kanade import errors_px
from tests.models.footage import motion, scene

VARIANTS = ("lucas_kanade", "dense_flow", "recovering")


def tracker(name: str) -> LucasKanade:
    return LucasKanade(TracksConfig(annotator=name, points=96))


@pytest.mark.parametrize("name", VARIANTS)
def test_points_stick_to_a_moving_plane(name: str) -> None:
    camera = motion(dx=-3.3, dy=0.7)
    tracks = tracker(name).annotate(*scene(camera, 12, occluder=True))
    errors = errors_px(tracks, camera)
    assert np.median(errors) < 0.8
    assert np.mean(errors < 2) > 0.95
    assert tracker(name).identity.name == name


@pytest.mark.parametrize("name", VARIANTS)
def test_given_points_come_back_in_their_order_from_where_they_were_given(name: str) -> None:
    frames, masks = scene(motion(dx=2), 6)
    queries = np.array([[3, 400, 200], [0, 100, 120], [3, 220, 90]], np.float32)
    tracks = tracker(name).follow(frames, masks, queries)
    assert tracks.query_frame_N.tolist() == [3, 0, 3]
    assert np.abs(tracks.xy_NT2[np.arange(3), [3, 0, 3]] - queries[:, 1:]).max() < 1e-3
    assert not tracks.visible_NT[0, :3].any() and tracks.visible_NT[0, 3]
    assert np.abs(tracks.xy_NT2[1, 5] - (110, 120)).max() < 1


def test_a_point_behind_the_passing_figure_is_taken_up_again_only_by_the_tracker_that_recovers() -> None:
    camera = motion(dx=0.5)
    frames, masks = scene(camera, 30, occluder=True)
    grid = [(0, x, y) for x in (200, 230, 260) for y in (120, 180, 240)]
    around = [(0, x, y) for x in range(20, 620, 60) for y in (20, 60, 300, 340)]
    queries = np.array(grid + around, np.float32)
    seen = {name: tracker(name).follow(frames, masks, queries) for name in ("lucas_kanade", "recovering")}
    hidden = seen["recovering"].on_person_NT[:9].any(1)
    assert hidden.sum() >= 6
    assert not seen["lucas_kanade"].visible_NT[:9, -1][hidden].any()
    back = seen["recovering"].visible_NT[:9, -1] & hidden
    assert back.sum() >= 0.6 * hidden.sum()
    errors = np.linalg.norm(seen["recovering"].xy_NT2[:9, -1] - (queries[:9, 1:] + (14.5, 0)), axis=1)
    assert errors[back].max() < 1.5
