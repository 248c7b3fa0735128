"""The code around CoTracker3, with a stand-in of its interface; `test_cotracker_checkout.py` has its own classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.annotators.rle import decode_mask
from schemas.config import ComputeConfig, TracksConfig
from schemas.errors import ConfigError, FiguregroundError, WeightsError
from tests.models.annotators.test_lucas_kanade import errors_px
from tests.models.annotators.tiny.cotracker import save_tracker, write_checkout
from tests.models.annotators.tiny.registering import register
from tests.models.footage import frames_of, motion, no_frames, scene
from tests.models.optional import needs

pytestmark = needs("torch")
CPU = ComputeConfig(device="cpu")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tracker = save_tracker(tmp_path / "tracker.safetensors")
    register(tmp_path, monkeypatch, cotracker3_offline=tracker, cotracker3_online=tracker)
    return write_checkout(tmp_path / "co-tracker")


def config(checkout: Path | str, points: int = 16) -> TracksConfig:
    return TracksConfig(annotator="cotracker3", points=points, source=str(checkout))


def test_points_stick_to_a_moving_plane_and_are_hidden_by_the_figure(checkout: Path) -> None:
    from models.annotators.cotracker import CoTracker3

    camera = motion(dx=-3, dy=1)
    frames, masks = scene(camera, 6, occluder=True)
    tracker = CoTracker3(config(checkout), CPU)
    tracks = tracker.annotate(frames, masks)
    assert tracker.identity.name == "cotracker3" and len(tracker.identity.weights_sha256) == 64
    count = len(tracks.query_frame_N)
    assert count >= 8
    assert tracks.xy_NT2.shape == (count, 6, 2)
    assert tracks.visible_NT[:, 0].all()
    assert np.median(errors_px(tracks, camera)) < 4  # pixels of the network are four of the picture
    x, y = np.rint(tracks.xy_NT2[:, 0]).astype(int).T
    assert not decode_mask(masks[0], 0)[y, x].any()
    assert not (tracks.visible_NT & tracks.on_person_NT).any()


def test_a_long_clip_goes_through_in_windows_and_gives_what_a_short_one_gives(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models.annotators.cotracker import CoTracker3, annotator

    frames, _ = scene(motion(dx=-2), 21)
    queries = np.array([[0, 200, 100], [3, 400, 200], [20, 300, 300]], np.float32)
    whole = CoTracker3(config(checkout), CPU).follow(frames, (), queries)
    monkeypatch.setattr(annotator, "_WHOLE_CLIP_FRAMES", 10)
    windows = CoTracker3(config(checkout), CPU).follow(frames, (), queries)
    assert windows.xy_NT2.shape == whole.xy_NT2.shape == (3, 21, 2)
    assert np.array_equal(whole.query_frame_N, [0, 3, 20])
    assert np.abs(windows.xy_NT2[:2] - whole.xy_NT2[:2]).max() < 1e-3
    assert np.array_equal(windows.visible_NT[:2], whole.visible_NT[:2])
    assert not whole.visible_NT[1, :3].any()


def test_an_installed_module_is_used_without_being_told_where(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from models.annotators.cotracker import CoTracker3

    monkeypatch.syspath_prepend(checkout)
    tracks = CoTracker3(config(""), CPU).follow(scene(motion(), 3)[0], (), np.array([[0, 200, 100]], np.float32))
    assert tracks.visible_NT.all()


def test_no_frames_and_no_texture_give_no_points(checkout: Path) -> None:
    from models.annotators.cotracker import CoTracker3

    tracker = CoTracker3(config(checkout), CPU)
    assert tracker.annotate(no_frames(), ()).xy_NT2.shape == (0, 0, 2)
    assert tracker.annotate(frames_of(np.full((4, 540, 640), 128, np.uint8)), ()).xy_NT2.shape == (0, 4, 2)


def test_without_the_module_the_error_says_where_it_comes_from(checkout: Path) -> None:
    from models.annotators.cotracker.loading import load_predictor

    with pytest.raises(ConfigError, match="facebookresearch/co-tracker"):
        load_predictor("offline", "", _cpu())


@pytest.mark.parametrize("source", ["facebookresearch/co-tracker", "facebookresearch/co-tracker:main", "/no/such/dir"])
def test_code_that_may_change_is_not_run(checkout: Path, source: str) -> None:
    from models.annotators.cotracker.loading import load_predictor

    with pytest.raises(ConfigError, match="40 digits"):
        load_predictor("offline", source, _cpu())


def test_weights_that_do_not_fit_are_refused(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from safetensors.torch import save_file

    from models.annotators.cotracker.loading import load_predictor

    save_file({"something": torch.zeros(2)}, tmp_path / "other.safetensors")
    register(tmp_path, monkeypatch, cotracker3_offline=tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="does not fit"):
        load_predictor("offline", str(checkout), _cpu())


def _cpu():
    import torch

    return torch.device("cpu")


def network_calls(tracker, most_points: int | None = None, mode: str = "offline") -> list[int]:
    """Points of every call of a network, from now on; it holds so many of them."""
    import torch

    calls: list[int] = []

    def note(_, given):
        calls.append(given[1].shape[1])
        if most_points is not None and calls[-1] > most_points:
            raise torch.OutOfMemoryError("CUDA out of memory")

    tracker._predictor(mode).model.register_forward_pre_hook(note)
    return calls


def are_the_same(one, other) -> None:
    assert np.array_equal(one.xy_NT2, other.xy_NT2)
    assert np.array_equal(one.visible_NT, other.visible_NT)
    assert np.array_equal(one.query_frame_N, other.query_frame_N)


def test_points_go_through_the_network_in_parts_that_the_batch_and_the_length_allow(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models.annotators.cotracker import CoTracker3, annotator

    frames, _ = scene(motion(dx=-3, dy=1), 4)
    expected = CoTracker3(config(checkout), CPU).follow(frames, (), QUERIES)
    monkeypatch.setattr(annotator, "_POINT_FRAMES", 4)
    tracker = CoTracker3(config(checkout), ComputeConfig(device="cpu", batch=2))
    calls = network_calls(tracker)
    are_the_same(expected, tracker.follow(frames, (), QUERIES))
    assert calls == [2, 1]
    tracker.follow(scene(motion(), 9)[0], (), QUERIES)  # longer than all that it may hold: point by point
    assert calls[2:] == [1, 1, 1]


def test_where_the_gpu_is_too_small_for_the_points_they_are_halved_and_the_tracks_are_the_same(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models.annotators.cotracker import CoTracker3, annotator

    monkeypatch.setattr(annotator, "_WHOLE_CLIP_FRAMES", 1)
    frames, _ = scene(motion(dx=-3, dy=1), 3)
    expected = CoTracker3(config(checkout), CPU).follow(frames, (), QUERIES)
    tracker = CoTracker3(config(checkout), CPU)
    calls = network_calls(tracker, most_points=1, mode="online")
    are_the_same(expected, tracker.follow(frames, (), QUERIES))
    assert calls == [3, 1, 1, 1]
    tracker.follow(frames, (), QUERIES)
    assert calls[4:] == [1, 1, 1]  # not tried again


QUERIES = np.array([[0, 200, 100], [1, 400, 60], [0, 300, 240]], np.float32)


def test_a_clip_too_large_to_be_looked_at_whole_goes_through_in_windows_with_all_its_points(checkout: Path) -> None:
    from models.annotators.cotracker import CoTracker3

    frames, _ = scene(motion(dx=-3, dy=1), 3)
    expected = CoTracker3(config(checkout), CPU).follow(frames, (), QUERIES)
    tracker = CoTracker3(config(checkout), CPU)
    whole, windows = network_calls(tracker, most_points=0), network_calls(tracker, mode="online")
    found = tracker.follow(frames, (), QUERIES)
    assert whole == windows == [3]
    assert np.allclose(expected.xy_NT2, found.xy_NT2, atol=1e-3)
    assert np.array_equal(expected.visible_NT, found.visible_NT)
    tracker.follow(frames, (), QUERIES[:1])
    assert len(whole) == 1  # not tried again at that length


def test_a_small_picture_is_enlarged_without_blocks(checkout: Path) -> None:
    from models.annotators.cotracker.annotator import _Video
    from models.annotators.cotracker.loading import load_predictor

    ramp = np.broadcast_to(np.linspace(20, 230, 60).astype(np.uint8), (40, 60))
    frames = frames_of(np.vstack([ramp, np.full((20, 60), 128, np.uint8)])[None])
    shown = _Video.of(frames, load_predictor("offline", str(checkout), _cpu())).pictures_T3HW[0, 0, 45].int()
    steps = shown.diff()[4:-4]
    assert steps.min() >= 1 and steps.max() <= 3  # 60 columns on 160: about 1.6 from one to the next


def test_a_gpu_too_small_for_a_single_point_is_an_error_that_says_what_to_do(checkout: Path) -> None:
    from models.annotators.cotracker import CoTracker3

    tracker = CoTracker3(config(checkout), CPU)
    whole, windows = network_calls(tracker, most_points=0), network_calls(tracker, most_points=0, mode="online")
    with pytest.raises(FiguregroundError, match=r"too small for cotracker3\. .*compute\.device=cpu"):
        tracker.follow(scene(motion(), 2)[0], (), QUERIES)
    assert len(whole) == 1 and windows[-1] == 1


def test_the_identity_tells_of_the_weights_for_whole_clips_and_for_windows(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models.annotators.cotracker import CoTracker3

    tracker = CoTracker3(config(checkout), CPU)
    files = {mode: save_tracker(tmp_path / f"{mode}.safetensors") for mode in ("offline", "online")}
    before = tracker.identity
    for mode in files:
        changed = {
            f"cotracker3_{name}": save_tracker(file, 2.0 if name == mode else 1.0) for name, file in files.items()
        }
        register(tmp_path, monkeypatch, **changed)
        assert tracker.identity != before
    register(tmp_path, monkeypatch, **{f"cotracker3_{name}": save_tracker(file) for name, file in files.items()})
    assert tracker.identity == before
