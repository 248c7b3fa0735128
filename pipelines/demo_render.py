"""The demo's rendered video: a person of the footage moved as another person moves, before ground that pans.

Needs torch. Shape suffixes: H rows, W columns.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from pipelines.corpus.read import Corpus
from pipelines.render import Told, read_inputs, render_pictures, write_video
from pipelines.render_models import POCKET, WARP, Renderer, open_renderer
from schemas.arrays import U8
from schemas.errors import WeightsError
from schemas.render_jobs import RenderJob

_SECONDS = 6.0
_AHEAD = 16
"""Pictures."""
_CLIPS = """
    SELECT clip_id, source_id, background_motion, person_motion FROM clips
    WHERE kept AND person_area_mean IS NOT NULL"""


def demo_job(corpus: Corpus) -> RenderJob | None:
    """The person before the ground that moves most, in the pose of somebody else who moves; None without clips."""
    with corpus.connect() as connection:
        clips = connection.execute(_CLIPS).fetchall()
    if not clips:
        return None
    reference = max(clips, key=lambda clip: (clip[2] or 0.0, clip[0]))
    others = [clip for clip in clips if clip[1] != reference[1]] or clips
    pose = max(others, key=lambda clip: (clip[3] or 0.0, clip[0]))
    return RenderJob(reference[0], pose[0], "pan", seconds=_SECONDS)


def demo_renderers() -> dict[str, Renderer]:
    """The warp, and the pocket model where this installation carries it."""
    renderers = {WARP: open_renderer(WARP)}
    with suppress(WeightsError):
        renderers[POCKET] = open_renderer(POCKET)
    return renderers


def render_demo(corpus: Corpus, job: RenderJob, renderers: Mapping[str, Renderer], out: Path, told: Told) -> None:
    """Write what each renderer makes of the job into one video, side by side.

    Before the first one stand its reference, pose and points; the others are enlarged to its height.
    """
    first, *others = renderers.values()
    inputs = read_inputs(corpus, job, first)
    columns = [render_pictures(first, inputs, grid=True)]
    columns += [_ahead(_frames(corpus, replace(job, size=None), renderer)) for renderer in others]
    rows = (_beside(pictures) for pictures in zip(*columns, strict=True))
    write_video(rows, inputs.fps, out, lambda done: told(done, inputs.frames))


def _frames(corpus: Corpus, job: RenderJob, renderer: Renderer) -> Iterator[U8]:
    return render_pictures(renderer, read_inputs(corpus, job, renderer), grid=False)


def _ahead(pictures: Iterator[U8]) -> Iterator[U8]:
    """The same pictures, made in a thread of their own, some ahead."""
    with ThreadPoolExecutor(1) as thread:
        made = deque(thread.submit(next, pictures, None) for _ in range(_AHEAD))
        while (picture := made.popleft().result()) is not None:
            made.append(thread.submit(next, pictures, None))
            yield picture


def _beside(pictures_HW3: Sequence[U8]) -> U8:
    """Pictures side by side, each as high as the first."""
    height = pictures_HW3[0].shape[0]
    widths = (2 * round(picture.shape[1] * height / picture.shape[0] / 2) for picture in pictures_HW3)
    enlarged = [
        cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC)
        for picture, width in zip(pictures_HW3, widths, strict=True)
    ]
    return np.asarray(np.concatenate(enlarged, 1), np.uint8)
