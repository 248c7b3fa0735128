from __future__ import annotations

import numpy as np
import pytest

from models.annotators.base import TrackedPerson
from models.annotators.lucas_kanade import LucasKanade
from models.annotators.rle import decode_mask
from schemas.config import TracksConfig
from schemas.records import Frames, Mask, Tracks
from tests.models.footage import HEIGHT, WIDTH, Motion, frames_of, motion, no_frames, scene, shifted

FRAMES = 24


@pytest.fixture(scope="module")
def tracker() -> LucasKanade:
    return LucasKanade(TracksConfig(points=128))


def errors_px(tracks: Tracks, camera: Motion) -> np.ndarray:
    """Distance of every visible place from where the plane's point has really gone, px."""
    found = []
    for n, start in enumerate(tracks.query_frame_N):
        query = camera(int(start))
        world = np.linalg.solve(query[:, :2], tracks.xy_NT2[n, start] - query[:, 2])
        for t in np.flatnonzero(tracks.visible_NT[n]):
            place = camera(int(t))[:, :2] @ world + camera(int(t))[:, 2]
            found.append(np.linalg.norm(tracks.xy_NT2[n, t] - place))
    return np.array(found)


@pytest.mark.parametrize(
    "camera",
    [motion(), motion(dx=-3.3, dy=0.7), motion(dx=12), motion(zoom=1.006), motion(turn=0.006)],
    ids=["still", "pan", "whip", "zoom", "turn"],
)
def test_points_stick_to_a_moving_plane_behind_a_passing_figure(tracker: LucasKanade, camera: Motion) -> None:
    tracks = tracker.annotate(*scene(camera, FRAMES, occluder=True))
    errors = errors_px(tracks, camera)
    assert np.median(errors) < 0.3
    assert np.mean(errors < 1.5) > 0.95
    assert tracks.visible_NT.sum(0).min() > 80


def test_points_the_figure_covers_are_flagged_and_never_visible(tracker: LucasKanade) -> None:
    frames, masks = scene(motion(), FRAMES, occluder=True)
    tracks = tracker.annotate(frames, masks)
    assert not (tracks.on_person_NT & tracks.visible_NT).any()
    for t in (12, 18, 23):
        mask = decode_mask(masks[0], t)
        x, y = np.rint(tracks.xy_NT2[:, t]).astype(int).clip(0, [WIDTH - 1, HEIGHT - 1]).T
        born = tracks.query_frame_N <= t
        assert np.mean(mask[y, x][born] == tracks.on_person_NT[born, t]) > 0.99
        assert tracks.on_person_NT[:, t].sum() >= 5


def test_points_start_outside_the_figure_all_over_the_ground(tracker: LucasKanade) -> None:
    frames, masks = scene(motion(), 1, occluder=True)
    tracks = tracker.annotate(frames, masks)
    x, y = np.rint(tracks.xy_NT2[:, 0]).astype(int).T
    assert not decode_mask(masks[0], 0)[y, x].any()
    counts, _, _ = np.histogram2d(x, y, bins=(4, 3), range=((0, WIDTH), (0, HEIGHT)))
    assert counts.min() >= 4


def test_points_that_leave_the_picture_are_replaced(tracker: LucasKanade) -> None:
    tracks = tracker.annotate(*scene(motion(dx=12), FRAMES))
    gone = ~tracks.visible_NT[:, -1]
    assert gone.sum() > 30
    assert (tracks.query_frame_N > 0).sum() > 30


def test_a_picture_without_texture_gets_no_points(tracker: LucasKanade) -> None:
    assert len(tracker.annotate(frames_of(np.full((4, 540, 640), 128, np.uint8)), ()).query_frame_N) == 0


def test_arrays_are_on_the_clips_clock(tracker: LucasKanade) -> None:
    tracks = tracker.annotate(*scene(motion(dx=12), FRAMES))
    count = len(tracks.query_frame_N)
    assert tracks.xy_NT2.shape == (count, FRAMES, 2)
    assert tracks.visible_NT.shape == tracks.on_person_NT.shape == (count, FRAMES)
    assert np.isfinite(tracks.xy_NT2).all()
    assert tracks.visible_NT[np.arange(count), tracks.query_frame_N].all()
    assert not (tracks.visible_NT & (np.arange(FRAMES) < tracks.query_frame_N[:, None])).any()


def test_tracks_are_the_same_twice(tracker: LucasKanade) -> None:
    clip = scene(motion(dx=3), 8, occluder=True)
    first, second = tracker.annotate(*clip), tracker.annotate(*clip)
    assert np.array_equal(first.xy_NT2, second.xy_NT2)
    assert np.array_equal(first.visible_NT, second.visible_NT)


def test_a_shifted_clip_gives_shifted_tracks(tracker: LucasKanade, jumper: Frames) -> None:
    short = frames_of(jumper.yuv_THW[:5], jumper.fps)
    moved = tracker.annotate(shifted(short, 40, 20), ())
    still = tracker.annotate(short, ())
    for tracks in (still, moved):
        step = np.diff(tracks.xy_NT2, axis=1)[tracks.visible_NT[:, 1:] & tracks.visible_NT[:, :-1]]
        assert np.abs(np.median(step, axis=0)).max() < 0.1


def test_one_frame_and_no_frames_are_tracked(tracker: LucasKanade, jumper: Frames) -> None:
    one = tracker.annotate(frames_of(jumper.yuv_THW[:1], jumper.fps), ())
    assert one.visible_NT.all()
    assert len(one.query_frame_N) > 64
    assert tracker.annotate(no_frames(), ()).xy_NT2.shape == (0, 0, 2)


def test_points_of_real_footage_stay_off_the_persons(
    tracker: LucasKanade, jumper: Frames, jumper_persons: tuple[TrackedPerson, ...]
) -> None:
    masks: tuple[Mask, ...] = tuple(p.mask for p in jumper_persons if p.mask is not None)
    tracks = tracker.annotate(jumper, masks)
    moved = np.linalg.norm(
        tracks.xy_NT2 - tracks.xy_NT2[np.arange(len(tracks.query_frame_N)), tracks.query_frame_N][:, None], axis=2
    )
    assert np.mean(moved[tracks.visible_NT] < 2) > 0.97
