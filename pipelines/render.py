"""One rendered video: a person of the corpus, moved by a pose, before ground that moves by tracks.

Shape suffixes: T frames, N points, J joints, H rows, W columns. Needs torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from models.generator.warp.renderer import WarpRenderer
from models.generator.warp.scene import Drive, Reference
from pipelines.corpus.layout import write_atomically
from pipelines.corpus.read import Corpus
from pipelines.render_inputs import ReferencePicture, read_pose, read_reference, read_tracks
from schemas.config import MediaConfig
from schemas.records import U8, Frames, Pose, Tracks
from schemas.skeletons import SKELETONS
from transforms.encoding.h264 import encode_h264
from transforms.rasterising.points import rasterise_points
from transforms.rasterising.selection import MOST, choose_points
from transforms.rasterising.skeleton import rasterise_skeleton

CLIP_FRAMES = 16
"""Frames of a clip; its first is the last of the clip before."""
_VIDEO = MediaConfig(crf=18)

Told = Callable[[int, int], None]
"""Told how many frames are rendered and how many there are."""


@dataclass(frozen=True, slots=True)
class RenderJob:
    """What to render. reference, pose: clip ids. reference_frame: of the reference's clip. size: short side, px.

    background: clip id, or a preset of `transforms.track_presets.tracks.PRESETS`. grid: reference, pose, points and
    result side by side instead of the result alone.
    """

    reference: str
    pose: str
    background: str
    reference_frame: int = 0
    seconds: float = 4.0
    seed: int = 0
    size: int = 512
    grid: bool = False


@dataclass(frozen=True, slots=True)
class Inputs:
    """A job's inputs on the output's clock and at its size."""

    reference: ReferencePicture
    pose: Pose
    tracks: Tracks
    fps: Fraction
    seed: int

    @property
    def frames(self) -> int:
        """Number of frames to render."""
        return len(self.pose.present_T)


def read_inputs(corpus: Corpus, job: RenderJob) -> Inputs:
    """Everything a job needs, at the frame rate of the driving pose's clip.

    Raises CorpusError for clips that are missing or were not kept, GenerationError for ones that cannot serve.
    """
    reference = read_reference(corpus, job.reference, job.reference_frame, job.size)
    pose, fps = read_pose(corpus, job.pose, job.seconds, reference, same=job.pose == job.reference)
    tracks = read_tracks(corpus, job.background, len(pose.present_T), fps, reference, job.seed)
    return Inputs(reference, pose, tracks, fps, job.seed)


def render(corpus: Corpus, job: RenderJob, out: Path, told: Told = lambda done, total: None) -> int:
    """Render a job with the warp into an MP4 file; the number of frames. Raises as `read_inputs` does."""
    inputs = read_inputs(corpus, job)
    pictures: list[U8] = []
    for picture in render_pictures(inputs, grid=job.grid):
        pictures.append(np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420), np.uint8))
        told(len(pictures), inputs.frames)
    ticks = np.arange(len(pictures), dtype=np.int64)
    video = encode_h264(Frames(np.stack(pictures), ticks, ticks, 1 / inputs.fps, inputs.fps), _VIDEO)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, video.video)
    return len(pictures)


def render_pictures(inputs: Inputs, *, grid: bool) -> Iterator[U8]:
    """(H, W, 3) RGB frames, rendered clip by clip."""
    drives = list(clip_drives(inputs))
    warped = WarpRenderer().warp(_reference(inputs.reference), drives)
    for index, (drive, clip) in enumerate(zip(drives, warped, strict=True)):
        result = clip.rgb_BT3HW[0]
        shown = _with_conditions(inputs, drive, clip.alpha_BT1HW, result) if grid else result
        for frame in shown[min(index, 1) :]:
            yield _bytes(frame)


def clip_drives(inputs: Inputs) -> Iterator[Drive]:
    """The motion clip by clip; clips share a frame, points are chosen anew at each clip's first."""
    known: list[int] = []
    for start in range(0, max(1, inputs.frames - 1), CLIP_FRAMES - 1):
        end = min(start + CLIP_FRAMES, inputs.frames)
        points = choose_points(
            inputs.tracks, start, end, inputs.reference.size, MOST, (inputs.seed, start), known=known
        )
        known = points.ids_N.tolist()
        yield Drive(
            torch.from_numpy(inputs.pose.xy_TJ2[None, start:end]),
            torch.from_numpy(inputs.pose.confidence_TJ[None, start:end]),
            torch.from_numpy(points.xy_TN2[None]),
            torch.from_numpy(points.visible_TN[None]),
            torch.from_numpy(points.ids_N[None]),
        )


def _reference(picture: ReferencePicture) -> Reference:
    return Reference(
        torch.from_numpy(picture.rgb_HW3).permute(2, 0, 1)[None].float() / 255,
        torch.from_numpy(picture.mask_HW)[None, None].float(),
        torch.from_numpy(picture.people_HW)[None, None].float(),
        torch.from_numpy(picture.pose_J2)[None],
        torch.from_numpy(picture.confidence_J)[None],
    )


def _with_conditions(inputs: Inputs, drive: Drive, alpha_BT1HW: Tensor, result_T3HW: Tensor) -> Tensor:
    """(T, 3, H, 4 W): reference, pose, points, result."""
    height, width = result_T3HW.shape[-2:]
    skeleton = SKELETONS[inputs.pose.skeleton]
    pose = rasterise_skeleton(drive.pose_BTJ2, drive.confidence_BTJ, skeleton, height, width)[0]
    points = rasterise_points(drive.xy_BTN2, drive.visible_BTN, (alpha_BT1HW > 0.5).float())[0]
    reference = _reference(inputs.reference).picture_B3HW.expand_as(result_T3HW)
    return torch.cat([reference, pose, points, result_T3HW], -1)


def _bytes(picture_3HW: Tensor) -> U8:
    return np.ascontiguousarray((picture_3HW.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy())
