"""CoTracker3's own classes, at random weights, where a checkout of facebookresearch/co-tracker is to be had.

`FIGUREGROUND_COTRACKER` names its folder. All other tests drive a stand-in (`tiny/cotracker.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from models.annotators.pixels import rgb_frame
from schemas.arrays import F32
from schemas.config import ComputeConfig, TracksConfig
from schemas.errors import WeightsError
from schemas.records import Frames, Tracks
from tests.models.annotators.tiny.cotracker_checkout import (
    CHECKOUT,
    MODES,
    SMALL,
    build,
    checkpoints,
    needs_checkout,
    shrink,
    use_checkout,
)
from tests.models.annotators.tiny.registering import register
from tests.models.footage import frames_of, motion, scene
from tests.models.optional import needs

if TYPE_CHECKING:
    from models.annotators.cotracker.loading import Mode

pytestmark = [needs("torch"), needs_checkout, pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(900)]
QUERIES = np.array([[0, 40, 20], [3, 80, 40], [0, 20, 60], [12, 100, 70]], np.float32)


@pytest.fixture
def tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Looks at small pictures."""
    use_checkout(tmp_path, monkeypatch)
    return made()


def made(source: str = CHECKOUT) -> Any:
    from models.annotators.cotracker import CoTracker3

    return CoTracker3(TracksConfig(annotator="cotracker3", points=16, source=source), ComputeConfig(device="cpu"))


def clip(frames: int, size: tuple[int, int] = SMALL) -> Frames:
    """Of the size that the network looks at, so that nothing is scaled."""
    height, width = size
    small = [cv2.resize(luma, (width, height)) for luma in scene(motion(dx=-8, dy=3), frames)[0].luma_THW]
    return frames_of(np.stack([np.vstack([luma, np.full((height // 2, width), 128, np.uint8)]) for luma in small]))


def bare(mode: str, frames: Frames, queries_N3: F32) -> tuple[Any, Any]:
    """Places (T, N, 2) and visibility (T, N) as the published demos get them from the published predictors."""
    import torch

    predictor = shrink(build(mode))
    video = torch.from_numpy(np.stack([rgb_frame(frames, t) for t in range(len(frames))]))
    video, queries = video.permute(0, 3, 1, 2)[None].float(), torch.from_numpy(queries_N3)[None]
    if mode == "offline":
        tracks, visible = predictor(video, queries=queries)
    else:
        step = predictor.step
        predictor(video_chunk=video[:, : 2 * step], is_first_step=True, queries=queries)
        for start in range(0, len(frames) - step, step):
            tracks, visible = predictor(video_chunk=video[:, start : start + 2 * step])
    return tracks[0].numpy(), visible[0].numpy()


def are_sound(tracks: Tracks, frames: int, queries_N3: F32 = QUERIES) -> None:
    """Shapes, clock and query points are right; where random weights lead a point nobody can say."""
    assert tracks.xy_NT2.shape == (len(queries_N3), frames, 2)
    assert np.isfinite(tracks.xy_NT2).all()
    assert tracks.query_frame_N.tolist() == queries_N3[:, 0].tolist()
    for point, (frame, x, y) in enumerate(queries_N3):
        assert tracks.xy_NT2[point, int(frame)] == pytest.approx((x, y), abs=1e-3)
        assert tracks.visible_NT[point, int(frame)]
        assert not tracks.visible_NT[point, : int(frame)].any()


@pytest.mark.parametrize("mode", MODES)
def test_the_predictors_are_as_the_code_around_them_takes_them(mode: Mode, tmp_path: Path, monkeypatch: Any) -> None:
    from models.annotators.cotracker.loading import WINDOWS

    use_checkout(tmp_path, monkeypatch, resolution=None)
    predictor = made()._predictor(mode)
    assert type(predictor).__module__ == "cotracker.predictor"
    assert predictor.interp_shape == (384, 512)
    assert predictor.model.window_len == WINDOWS[mode]
    if mode == "online":
        assert predictor.step == WINDOWS["online"] // 2


@pytest.mark.parametrize(("mode", "frames"), [("offline", 14), ("online", 16), ("online", 29)])
def test_the_tracks_are_those_of_the_bare_predictor(tracker: Any, mode: str, frames: int) -> None:
    tracker._whole_frames = 15
    video = clip(frames)
    expected_TN2, seen_TN = bare(mode, video, QUERIES)
    found = tracker.follow(video, (), QUERIES)
    assert list(tracker._predictors) == [mode]
    are_sound(found, frames)
    later_NT = np.arange(frames) > QUERIES[:, :1]
    xy_NT2 = expected_TN2.transpose(1, 0, 2)
    column, row = np.rint(xy_NT2).transpose(2, 0, 1)
    inside_NT = (column >= 0) & (row >= 0) & (column < video.width) & (row < video.height)
    expected_NT = seen_TN.T & inside_NT
    assert np.array_equal(found.visible_NT[later_NT], expected_NT[later_NT])
    both_NT = found.visible_NT & later_NT
    assert both_NT.sum() > 10
    assert np.abs(found.xy_NT2 - xy_NT2)[both_NT].max() < 1e-2
    moved = [np.ptp(found.xy_NT2[point][both_NT[point]], axis=0).max() for point in range(3)]
    assert max(moved) > 1  # else all of this would be said of points that stand still


@pytest.mark.parametrize("mode", MODES)
def test_a_clip_may_have_a_single_frame(tracker: Any, mode: str) -> None:
    tracker._whole_frames = 0 if mode == "online" else 1
    first = QUERIES[[0, 2]]
    found = tracker.follow(clip(1), (), first)
    are_sound(found, 1, first)
    assert found.visible_NT.all()


def test_nothing_is_left_over_of_the_clip_before(tracker: Any) -> None:
    tracker._whole_frames = 4
    video = clip(21)
    first = tracker.follow(video, (), QUERIES)
    tracker.follow(clip(17), (), QUERIES[:2])
    second = tracker.follow(video, (), QUERIES)
    assert np.array_equal(first.xy_NT2, second.xy_NT2)
    assert np.array_equal(first.visible_NT, second.visible_NT)


def test_the_encoder_gives_the_same_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from models.annotators.cotracker import loading

    encoder = build("offline").model.fnet
    pictures = torch.rand(5, 3, *SMALL, generator=torch.Generator().manual_seed(0)) * 2 - 1
    monkeypatch.setattr(loading, "_ENCODED_TOGETHER", 2)
    with torch.inference_mode():
        assert torch.allclose(loading._InPieces(encoder)(pictures), encoder(pictures), atol=1e-4)


@pytest.mark.parametrize(
    "precision",
    ["bfloat16", pytest.param("float16", marks=pytest.mark.slow)],  # a CPU's float16 takes a minute
)
@pytest.mark.parametrize("mode", MODES)
def test_half_precision_changes_little(
    tracker: Any, mode: str, precision: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models.annotators import compute

    tracker._whole_frames = 15 if mode == "offline" else 0
    video, queries = clip(13), QUERIES[:3]
    expected = tracker.follow(video, (), queries)
    monkeypatch.setattr(compute, "_LOWERED", frozenset({"cpu"}))
    tracker._compute = ComputeConfig(device="cpu", precision=precision)
    found = tracker.follow(video, (), queries)
    are_sound(found, 13, queries)
    assert found.xy_NT2.dtype == np.float32
    both_NT = found.visible_NT & expected.visible_NT
    assert both_NT.sum() > 10
    assert np.median(np.abs(found.xy_NT2 - expected.xy_NT2)[both_NT]) < 1


def test_an_installed_checkout_is_used_without_being_told_where(tracker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(CHECKOUT)
    expected, found = (which.follow(clip(4), (), QUERIES[:3]) for which in (tracker, made("")))
    assert np.array_equal(expected.xy_NT2, found.xy_NT2)


def test_weights_for_whole_clips_are_refused_for_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offline = checkpoints()["cotracker3_offline"]
    register(tmp_path, monkeypatch, cotracker3_offline=offline, cotracker3_online=offline)
    with pytest.raises(WeightsError, match="cotracker3_online does not fit"):
        made()._predictor("online")


def test_pictures_of_the_published_size_are_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_checkout(tmp_path, monkeypatch, resolution=None)
    are_sound(made().follow(clip(2, (384, 512)), (), QUERIES[[0, 2]]), 2, QUERIES[[0, 2]])
