"""One rendered video: a person, moved by a pose, before ground that moves by tracks. Needs torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from torch import Tensor

from pipelines.corpus.layout import write_atomically
from pipelines.corpus.read import Corpus
from pipelines.render_card import Sizes
from pipelines.render_image import read_picture
from pipelines.render_inputs import Inputs, read_pose, read_reference, read_tracks
from pipelines.render_models import Renderer
from schemas.arrays import U8
from schemas.config import MediaConfig
from schemas.errors import GenerationError
from schemas.records import Media
from schemas.render_jobs import RenderJob
from transforms.encoding.h264 import encode_h264
from transforms.pixels import frames_of_rgb

_VIDEO = MediaConfig(crf=18)

Told = Callable[[int, int], None]
"""Told how many frames are rendered and how many there are."""


def read_inputs(corpus: Corpus, job: RenderJob, renderer: Sizes) -> Inputs:
    """Everything a job needs, at the frame rate of the driving pose's clip and a size that the renderer takes.

    Raises CorpusError for clips that are missing or were not kept, GenerationError for ones that cannot serve and for
    a size that is none of the renderer's.
    """
    size, multiple = job.size or renderer.size, renderer.size_multiple
    if size % multiple:
        raise GenerationError(f"the model makes pictures whose sides are multiples of {multiple} px, not {size}")
    if Path(job.reference).is_file():
        reference = read_picture(Path(job.reference), size, multiple)
    else:
        reference = read_reference(corpus, job.reference, job.reference_frame, size, multiple)
    pose, fps = read_pose(corpus, job.pose, job.seconds, reference, same=job.pose == job.reference)
    same = job.background == job.reference
    tracks = read_tracks(corpus, job.background, len(pose.present_T), fps, reference, job.seed, same=same)
    return Inputs(reference, pose, tracks, fps, job.seed)


def render(
    corpus: Corpus,
    job: RenderJob,
    renderer: Renderer,
    out: Path,
    told: Told = lambda done, total: None,
    *,
    grid: bool = False,
) -> int:
    """Render a job into an MP4 file; the number of frames. grid: reference, pose, points and result side by side.

    Raises as `read_inputs` does.
    """
    inputs = read_inputs(corpus, job, renderer)
    pictures = render_pictures(renderer, inputs, grid=grid)
    return write_video(pictures, inputs.fps, out, lambda done: told(done, inputs.frames))


def render_pictures(renderer: Renderer, inputs: Inputs, *, grid: bool) -> Iterator[U8]:
    """(H, W, 3) RGB frames."""
    return (picture(frame) for frame in renderer.frames(inputs, grid=grid))


def write_video(pictures: Iterable[U8], fps: Fraction, out: Path, done: Callable[[int], None]) -> int:
    """Write (H, W, 3) RGB pictures as an MP4 file, all or nothing; their number. done: told it as it grows."""

    def counted() -> Iterator[U8]:
        for number, picture in enumerate(pictures, 1):
            yield picture
            done(number)

    video = encode_pictures(counted(), fps)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, video.video)
    return video.frames


def encode_pictures(pictures: Iterable[U8], fps: Fraction) -> Media:
    """(H, W, 3) RGB pictures as H.264; equal pictures give equal bytes. Raises ValueError without pictures."""
    return encode_h264(frames_of_rgb(pictures, fps), _VIDEO)


def picture(frame_3HW: Tensor) -> U8:
    """A frame in 0..1 as (H, W, 3) RGB in 8 bits."""
    return np.ascontiguousarray((frame_3HW.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy())
