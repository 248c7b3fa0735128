"""One rendered video: a person, moved by a pose, before ground that moves by tracks. Needs torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from torch import Tensor

from pipelines.corpus.layout import write_atomically
from pipelines.corpus.read import Corpus
from pipelines.render_image import read_picture
from pipelines.render_inputs import Inputs, read_pose, read_reference, read_tracks
from pipelines.render_models import WARP, Renderer, open_renderer
from schemas.arrays import U8
from schemas.config import MediaConfig
from schemas.errors import GenerationError
from schemas.records import Frames
from transforms.encoding.h264 import encode_h264

_VIDEO = MediaConfig(crf=18)

Told = Callable[[int, int], None]
"""Told how many frames are rendered and how many there are."""


@dataclass(frozen=True, slots=True)
class RenderJob:
    """What to render. reference: clip id, or an image file. pose: clip id. reference_frame: of the reference's clip.

    background: clip id, or a preset of `transforms.track_presets.tracks.PRESETS`, or PRESET:STRENGTH. model: as
    `open_renderer` takes it; steps: of its sampler; size: short side, px; None: what the model is at home with.
    grid: reference, pose, points and result side by side instead of the result alone.
    """

    reference: str | Path
    pose: str
    background: str
    reference_frame: int = 0
    seconds: float = 4.0
    seed: int = 0
    size: int | None = None
    grid: bool = False
    model: str = WARP
    steps: int | None = None


def read_inputs(corpus: Corpus, job: RenderJob, renderer: Renderer) -> Inputs:
    """Everything a job needs, at the frame rate of the driving pose's clip and a size that the renderer takes.

    Raises CorpusError for clips that are missing or were not kept, GenerationError for ones that cannot serve and for
    a size that is none of the renderer's.
    """
    size, multiple = job.size or renderer.size, renderer.size_multiple
    if size % multiple:
        raise GenerationError(f"{job.model} makes pictures whose sides are multiples of {multiple} px, not {size}")
    if isinstance(job.reference, Path):
        reference = read_picture(job.reference, size, multiple)
    else:
        reference = read_reference(corpus, job.reference, job.reference_frame, size, multiple)
    pose, fps = read_pose(corpus, job.pose, job.seconds, reference, same=job.pose == job.reference)
    tracks = read_tracks(corpus, job.background, len(pose.present_T), fps, reference, job.seed)
    return Inputs(reference, pose, tracks, fps, job.seed)


def render(
    corpus: Corpus,
    job: RenderJob,
    out: Path,
    told: Told = lambda done, total: None,
    renderer: Renderer | None = None,
) -> int:
    """Render a job into an MP4 file; the number of frames. renderer: one that is open already.

    Raises as `open_renderer` and `read_inputs` do.
    """
    renderer = renderer or open_renderer(job.model, job.steps)
    inputs = read_inputs(corpus, job, renderer)
    pictures = render_pictures(renderer, inputs, grid=job.grid)
    return write_video(pictures, inputs.fps, out, lambda done: told(done, inputs.frames))


def render_pictures(renderer: Renderer, inputs: Inputs, *, grid: bool) -> Iterator[U8]:
    """(H, W, 3) RGB frames."""
    return (_bytes(frame) for frame in renderer.frames(inputs, grid=grid))


def write_video(pictures: Iterable[U8], fps: Fraction, out: Path, done: Callable[[int], None]) -> int:
    """Write (H, W, 3) RGB pictures as an MP4 file, all or nothing; their number. done: told it as it grows."""
    yuv: list[U8] = []
    for picture in pictures:
        yuv.append(np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420), np.uint8))
        done(len(yuv))
    ticks = np.arange(len(yuv), dtype=np.int64)
    video = encode_h264(Frames(np.stack(yuv), ticks, ticks, 1 / fps, fps), _VIDEO)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, video.video)
    return len(yuv)


def _bytes(picture_3HW: Tensor) -> U8:
    return np.ascontiguousarray((picture_3HW.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy())
