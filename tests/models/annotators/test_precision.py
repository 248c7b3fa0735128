"""Every torch annotator in the lower precisions of a GPU, which a CPU's autocast can compute in as well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.annotators.rle import decode_mask
from schemas.config import ComputeConfig, Config, MasksConfig, PoseConfig, TracksConfig
from schemas.records import Mask
from tests.models.annotators.test_segment_anything import two_persons
from tests.models.annotators.tiny.cotracker import save_tracker, write_checkout
from tests.models.annotators.tiny.openpose import puppet_video, save_body
from tests.models.annotators.tiny.registering import register
from tests.models.annotators.tiny.sam import save_sam
from tests.models.annotators.tiny.sam2 import save_sam2
from tests.models.footage import motion, scene
from tests.models.optional import needs

pytestmark = [needs("torch", "torchvision"), pytest.mark.filterwarnings("ignore")]
LOWER = ("bfloat16", "float16")


@pytest.fixture(autouse=True)
def lowered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU computes in the precision of the configuration, as a GPU does."""
    import torch

    from models.annotators import compute

    torch.set_num_threads(1)
    monkeypatch.setattr(compute, "_LOWERED", frozenset({"cpu"}))


def in_precision(config: Config, precision: str) -> Config:
    return replace(config, compute=ComputeConfig(device="cpu", batch=4, precision=precision))


def masks_in(config: Config, precision: str) -> tuple[Mask, ...]:
    from models.annotators.factory import create_masks

    return create_masks(in_precision(config, precision)).annotate(*two_persons())


def overlap(one: Mask, other: Mask, frame: int) -> float:
    a, b = decode_mask(one, frame), decode_mask(other, frame)
    return float((a & b).sum() / (a | b).sum())


@needs("segment_anything")
def test_segment_anything_makes_the_masks_of_full_precision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(tmp_path, monkeypatch, tiny_sam=save_sam(tmp_path / "sam.safetensors"))
    config = Config(masks=MasksConfig(annotator="segment_anything", weights="tiny_sam"))
    expected = masks_in(config, "float32")
    for precision in LOWER:
        found = masks_in(config, precision)
        assert found != expected
        for one, other in zip(expected, found, strict=True):
            assert overlap(one, other, 0) > 0.98 and overlap(one, other, 3) > 0.98


@needs("transformers")
def test_sam2_makes_the_masks_of_full_precision_and_takes_bfloat16_for_float16(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors, described = save_sam2(tmp_path / "sam2")
    register(tmp_path, monkeypatch, tiny_sam2=tensors, tiny_sam2_config=described)
    config = Config(masks=MasksConfig(annotator="sam2_video", weights="tiny_sam2"))
    expected, bfloat16 = masks_in(config, "float32"), masks_in(config, "bfloat16")
    assert bfloat16 != expected
    assert masks_in(config, "float16") == bfloat16
    for one, other in zip(expected, bfloat16, strict=True):
        assert 0.02 < one.area_px[0] / (one.width * one.height) < 0.98
        assert overlap(one, other, 0) > 0.9


def test_cotracker3_makes_the_tracks_of_full_precision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from models.annotators.factory import create_tracks

    tracker = save_tracker(tmp_path / "tracker.safetensors")
    register(tmp_path, monkeypatch, cotracker3_offline=tracker, cotracker3_online=tracker)
    config = Config(tracks=TracksConfig(annotator="cotracker3", source=str(write_checkout(tmp_path / "co-tracker"))))
    frames, _ = scene(motion(dx=-3, dy=1), 2)
    queries = np.array([[0, 200, 100], [0, 400, 240]], np.float32)
    expected, *found = (
        create_tracks(in_precision(config, precision)).follow(frames, (), queries) for precision in ("float32", *LOWER)
    )
    for tracks in found:
        assert tracks.xy_NT2.dtype == np.float32
        assert np.abs(tracks.xy_NT2 - expected.xy_NT2).max() < 8  # two pixels of the network
        assert tracks.visible_NT.all()


@needs("controlnet_aux")
@pytest.mark.parametrize(
    "precision",
    ["bfloat16", pytest.param("float16", marks=pytest.mark.slow)],  # a CPU's float16 takes half a minute
)
def test_openpose_finds_the_joints_of_full_precision(
    precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(tmp_path, monkeypatch, openpose_body=save_body(tmp_path / "body.safetensors"))
    expected, found = (_joints(name) for name in ("float32", precision))
    assert np.isfinite(expected).all()
    assert np.abs(found - expected).max() < 6


def _joints(precision: str) -> Any:
    from models.annotators.factory import create_pose

    openpose = create_pose(in_precision(Config(pose=PoseConfig(annotator="openpose")), precision))
    (person,) = openpose.annotate(puppet_video([[(88, 128, 1.0)]], 256, 176))
    return person.pose.xy_TJ2
