"""CoTracker3's own classes, at random weights, where a checkout of facebookresearch/co-tracker is to be had.

`FIGUREGROUND_COTRACKER` names its folder. All other tests drive a stand-in (`tiny/cotracker.py`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.config import ComputeConfig, TracksConfig
from schemas.records import Frames, Tracks
from tests.models.annotators.tiny.registering import register
from tests.models.footage import frames_of, motion, scene
from tests.models.optional import needs

CHECKOUT = os.environ.get("FIGUREGROUND_COTRACKER", "")
pytestmark = [
    needs("torch"),
    pytest.mark.skipif(not CHECKOUT, reason="FIGUREGROUND_COTRACKER names no checkout of facebookresearch/co-tracker"),
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.timeout(1800),
]
QUERIES = np.array([[0, 200, 100], [3, 400, 200], [0, 100, 300]], np.float32)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Random weights of both networks, made by the checkout's own constructors."""
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("cotracker")
    torch.manual_seed(0)
    saved = {}
    for mode in ("offline", "online"):
        predictor = torch.hub.load(
            str(Path(CHECKOUT).expanduser()), f"cotracker3_{mode}", source="local", pretrained=False, trust_repo=True
        )
        state = {name: value.detach().clone().contiguous() for name, value in predictor.model.state_dict().items()}
        saved[f"cotracker3_{mode}"] = folder / f"{mode}.safetensors"
        save_file(state, saved[f"cotracker3_{mode}"])
    return saved


@pytest.fixture
def tracker(files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    register(tmp_path, monkeypatch, **files)
    from models.annotators.cotracker import CoTracker3

    source = str(Path(CHECKOUT).expanduser())
    return CoTracker3(TracksConfig(annotator="cotracker3", points=16, source=source), ComputeConfig(device="cpu"))


def clip(frames: int) -> Frames:
    return scene(motion(dx=-2), frames)[0]


def are_sound(tracks: Tracks, frames: int) -> None:
    """Shapes, clock and query points are right; where random weights lead a point nobody can say."""
    assert tracks.xy_NT2.shape == (3, frames, 2)
    assert np.isfinite(tracks.xy_NT2).all()
    assert tracks.query_frame_N.tolist() == [0, 3, 0]
    for point, (frame, x, y) in enumerate(QUERIES):
        assert tracks.xy_NT2[point, int(frame)] == pytest.approx((x, y), abs=1e-3)
        assert tracks.visible_NT[point, int(frame)]
        assert not tracks.visible_NT[point, : int(frame)].any()


@pytest.mark.parametrize("mode", ["offline", "online"])
def test_the_predictors_are_as_the_code_around_them_takes_them(tracker: Any, mode: Any) -> None:
    from models.annotators.cotracker.loading import WINDOWS

    predictor = tracker._predictor(mode)
    assert len(predictor.interp_shape) == 2
    assert predictor.model.window_len == WINDOWS[mode]
    if mode == "online":
        assert predictor.step == WINDOWS[mode] // 2


def test_a_clip_is_looked_at_whole(tracker: Any) -> None:
    are_sound(tracker.follow(clip(8), (), QUERIES), 8)


def test_a_clip_goes_through_in_windows(tracker: Any) -> None:
    tracker._whole_frames = 4
    first, second = (tracker.follow(clip(21), (), QUERIES) for _ in range(2))
    are_sound(first, 21)
    assert np.array_equal(first.xy_NT2, second.xy_NT2)  # nothing is left over of the clip before


def test_clips_of_one_length_go_through_together(tracker: Any) -> None:
    flat = frames_of(np.full((8, 540, 640), 128, np.uint8))
    found = tracker._follow_several([(clip(8), ()), (flat, ())], [QUERIES, QUERIES[:1]])
    are_sound(found[0], 8)
    assert found[1].xy_NT2.shape == (1, 8, 2) and np.isfinite(found[1].xy_NT2).all()


def test_half_precision_is_no_error(tracker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from models.annotators import compute

    monkeypatch.setattr(compute, "_LOWERED", frozenset({"cpu"}))
    tracker._compute = ComputeConfig(device="cpu", precision="bfloat16")
    are_sound(tracker.follow(clip(8), (), QUERIES), 8)
