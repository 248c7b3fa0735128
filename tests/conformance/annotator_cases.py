"""Every annotator with footage that it understands, moved and scaled at will."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from models.annotators.base import TrackedPerson
from models.annotators.factory import create_masks, create_pose, create_tracks
from models.weights.wheels import wheel_members
from schemas.config import ComputeConfig, Config, MasksConfig, PoseConfig, TracksConfig
from schemas.records import Frames, Mask, Pose
from schemas.skeletons import BLAZEPOSE_33
from tests.models.annotators.tiny.cotracker import save_tracker, write_checkout
from tests.models.annotators.tiny.cotracker_checkout import CHECKOUT, needs_checkout, use_checkout
from tests.models.annotators.tiny.dwpose import dummy_video, save_detector, save_joints
from tests.models.annotators.tiny.openpose import puppet_video, save_body
from tests.models.annotators.tiny.painting import paint_sam, paint_sam2
from tests.models.annotators.tiny.registering import register
from tests.models.annotators.tiny.sam import save_sam
from tests.models.annotators.tiny.sam2 import save_sam2
from tests.models.footage import frames_of, load, motion, scene
from tests.models.optional import needs

CPU = ComputeConfig(device="cpu", batch=2)
Place = tuple[float, float, float]
"""x and y of the middle, px, and size."""


@dataclass(frozen=True)
class Case:
    """config: names the annotator. prepare: registers its weights. video: persons at places, frame by frame.

    several: finds more than one person in a picture; BlazePose's detector often returns but one. trained: its weights
    are the real ones, not made by chance. paint: makes an untrained mask network mask what it is told of. networks: how
    many it holds at least once it has annotated.
    """

    name: str
    config: Config
    prepare: Callable[[Path, pytest.MonkeyPatch], None]
    video: Callable[..., Frames]
    shift_px: float = 2.0
    several: bool = True
    trained: bool = True
    paint: Callable[[Any], None] | None = None
    networks: int = 1


def nothing(_: Path, __: pytest.MonkeyPatch) -> None:
    pass


def _dwpose(folder: Path, patch: pytest.MonkeyPatch) -> None:
    joints = save_joints(folder / "joints.onnx")
    register(folder, patch, dwpose_detector=save_detector(folder / "detector.onnx"), dwpose_133=joints)


def _openpose(folder: Path, patch: pytest.MonkeyPatch) -> None:
    register(folder, patch, openpose_body=save_body(folder / "body.safetensors"))


def _sam(folder: Path, patch: pytest.MonkeyPatch) -> None:
    register(folder, patch, tiny_sam=save_sam(folder / "sam.safetensors"))


def _sam2(folder: Path, patch: pytest.MonkeyPatch) -> None:
    tensors, described = save_sam2(folder / "sam2")
    register(folder, patch, tiny_sam2=tensors, tiny_sam2_config=described)


def _cotracker(folder: Path, patch: pytest.MonkeyPatch) -> None:
    tracker = save_tracker(folder / "tracker.safetensors")
    register(folder, patch, cotracker3_offline=tracker, cotracker3_online=tracker)
    write_checkout(folder / "co-tracker")
    patch.chdir(folder)


def jumper_video(at: list[list[Place]], height: int = 256, width: int = 320) -> Frames:
    """A man out of real footage, about 130 px tall at size 1, pasted at each place."""
    member = "Sports2D/Demo/demo.mp4"
    still = load(wheel_members("sports2d", "0.8.34", [member])[member], count=1, start=40)
    rgb = cv2.cvtColor(still.yuv_THW[0], cv2.COLOR_YUV2RGB_I420)[70:250, 250:410]
    pictures = []
    for persons in at:
        picture = np.full((height, width, 3), 110, np.uint8)
        for x, y, size in persons:
            man = cv2.resize(rgb, None, fx=size, fy=size, interpolation=cv2.INTER_LINEAR)
            left, top = round(x - man.shape[1] / 2), round(y - man.shape[0] / 2)
            x0, y0 = max(0, left), max(0, top)
            x1, y1 = min(width, left + man.shape[1]), min(height, top + man.shape[0])
            picture[y0:y1, x0:x1] = man[y0 - top : y1 - top, x0 - left : x1 - left]
        pictures.append(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420))
    return replace(frames_of(np.stack(pictures)), fps=dummy_video(at[:1]).fps)


POSES = [
    pytest.param(Case("blazepose", Config(), nothing, jumper_video, 4.0, several=False, networks=2), id="blazepose"),
    pytest.param(
        Case("dwpose", Config(pose=PoseConfig(annotator="dwpose"), compute=CPU), _dwpose, dummy_video, networks=2),
        id="dwpose",
        marks=needs("rtmlib", "onnx"),
    ),
    pytest.param(
        Case("openpose", Config(pose=PoseConfig(annotator="openpose"), compute=CPU), _openpose, puppet_video, 6.0),
        id="openpose",
        marks=[needs("torch", "torchvision", "controlnet_aux"), pytest.mark.slow],  # seconds a frame
    ),
]
MASKS = [
    pytest.param(Case("blazepose", Config(), nothing, jumper_video, networks=0), id="blazepose"),
    pytest.param(Case("selfie", Config(masks=MasksConfig(annotator="selfie")), nothing, jumper_video), id="selfie"),
    pytest.param(
        Case(
            "segment_anything",
            Config(masks=MasksConfig(annotator="segment_anything", weights="tiny_sam"), compute=CPU),
            _sam,
            jumper_video,
            trained=False,
            paint=paint_sam,
        ),
        id="segment_anything",
        marks=needs("torch", "torchvision", "segment_anything"),
    ),
    pytest.param(
        Case(
            "sam2_video",
            Config(masks=MasksConfig(annotator="sam2_video", weights="tiny_sam2"), compute=CPU),
            _sam2,
            jumper_video,
            trained=False,
            paint=paint_sam2,
        ),
        id="sam2_video",
        marks=needs("torch", "torchvision", "transformers"),
    ),
]
TRACKS = [
    pytest.param(
        Case(name, Config(tracks=TracksConfig(annotator=name, points=32)), nothing, scene, networks=0), id=name
    )
    for name in ("lucas_kanade", "dense_flow", "recovering")
] + [
    pytest.param(
        Case(
            "cotracker3",
            Config(tracks=TracksConfig(annotator="cotracker3", points=16, source="co-tracker"), compute=CPU),
            _cotracker,
            scene,
            4.0,
        ),
        id="cotracker3",
        marks=needs("torch"),
    ),
    pytest.param(
        Case(
            "cotracker3",
            Config(tracks=TracksConfig(annotator="cotracker3", points=16, source=CHECKOUT), compute=CPU),
            use_checkout,
            scene,
            trained=False,
        ),
        id="cotracker3-checkout",
        marks=[needs("torch"), needs_checkout],
    ),
]
CREATE: dict[str, Callable[[Config], Any]] = {"poses": create_pose, "masks": create_masks, "tracks": create_tracks}
PAN = motion(dx=-4, dy=2)


def people(case: Case, *videos: Frames) -> tuple[TrackedPerson, ...]:
    """Persons for a mask annotator, as BlazePose finds them, one in each video."""
    blazepose = create_pose(Config())
    return tuple(person for video in videos for person in blazepose.annotate(video))


def nobody(width: int, height: int) -> TrackedPerson:
    """A person of a clip without frames."""
    pose = Pose(
        np.empty((0, 33, 2), np.float32), np.empty((0, 33), np.float32), np.empty(0, np.bool_), BLAZEPOSE_33.name
    )
    return TrackedPerson(pose, Mask((), (), width, height))


def annotated_once(annotator: Any, case: Case, kind: str) -> None:
    """Makes it do all that it does to annotate: some load a network, or remember, on the way."""
    if kind == "tracks":
        annotator.follow(scene(PAN, 2)[0], (), np.array([[0, 200, 100]], np.float32))
        return
    frames = case.video([[(90.0, 128.0, 1.0)]] * 2)
    found = annotator.annotate(frames, people(case, frames)) if kind == "masks" else annotator.annotate(frames)
    assert found
