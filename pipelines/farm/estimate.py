"""How much a batch is, and how long it will take; the latter only where it was measured."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from pipelines.corpus.read import Corpus
from pipelines.farm.folder import RendersFolder
from pipelines.render_card import ModelCard
from pipelines.render_terms import clip_count, frame_count
from schemas.errors import ConfigError
from schemas.render_jobs import RenderJob

if TYPE_CHECKING:
    from pipelines.render_models import Renderer

_CALIBRATION_CLIPS = 4
"""Of which the first is not counted: it pays for what is loaded and compiled on the way."""


@dataclass(frozen=True, slots=True)
class Workload:
    """seconds: of video. clips: of the model; neighbouring ones share a frame. frames: of the videos."""

    jobs: int
    seconds: float
    clips: int
    frames: int


@dataclass(frozen=True, slots=True)
class Pace:
    """Wall time of one worker, s. per_video_s: what a video costs beside its frames. how: where this is known from."""

    per_frame_s: float
    per_video_s: float
    how: str

    def seconds(self, work: Workload, workers: int) -> float:
        """Of a batch, if each of the workers keeps this pace."""
        return (work.frames * self.per_frame_s + work.jobs * self.per_video_s) / workers


def workload(corpus: Corpus, jobs: Collection[RenderJob], clip_frames: int) -> Workload:
    """Of jobs that passed validation. clip_frames: of the model."""
    rates = _frame_rates(corpus, {job.pose for job in jobs})
    frames = [frame_count(job.seconds, rates[job.pose]) for job in jobs]
    clips = sum(clip_count(count, clip_frames) for count in frames)
    seconds = sum(count / rates[job.pose] for count, job in zip(frames, jobs, strict=True))
    return Workload(len(jobs), float(seconds), clips, sum(frames))


def calibrate(corpus: Corpus, job: RenderJob, renderer: Renderer) -> Pace:
    """Render a few clips of a job with a model, and keep nothing but the time it took.

    Encoding is not in it: it is done beside the rendering. Raises as `pipelines.render.read_inputs`.
    """
    from pipelines.render import read_inputs

    frames = 1 + _CALIBRATION_CLIPS * (renderer.clip_frames - 1)
    seconds = float(frames / _frame_rates(corpus, {job.pose})[job.pose])
    start = perf_counter()
    inputs = read_inputs(corpus, replace(job, seconds=seconds), renderer)
    prepared_s = perf_counter() - start
    times = [perf_counter() for _ in renderer.frames(inputs, grid=False)]
    counted = times[renderer.clip_frames - 1 :]
    per_frame_s = (counted[-1] - counted[0]) / (len(counted) - 1)
    return Pace(per_frame_s, prepared_s, "measured now, on this machine, with the first job")


def pace_of_renders(folder: Path, card: ModelCard) -> Pace:
    """The mean pace of the finished videos in a folder of renders.

    Raises ConfigError where there is none yet, or another model made them.
    """
    renders = RendersFolder(folder)
    settings = renders.settings()
    if settings["model_sha256"] != card.digest:
        raise ConfigError(
            f"the videos in {folder} are of the model {settings['model']}, not of {card.name}: see --model"
        )
    done = [verdict for verdict in renders.verdicts() if verdict["verdict"] == "done"]
    if not done:
        raise ConfigError(f"no video in {folder} is finished, so the time is not known; try --calibrate")
    seconds = sum(verdict["timings"]["render_s"] for verdict in done)
    return Pace(
        seconds / sum(verdict["frames"] for verdict in done), 0.0, f"the mean of {len(done)} videos in {folder}"
    )


def _frame_rates(corpus: Corpus, clip_ids: Iterable[str]) -> dict[str, Fraction]:
    rows = corpus.arrow("media", ["clip_id", "frame_rate"], sorted(clip_ids)).to_pylist()
    return {row["clip_id"]: Fraction(row["frame_rate"]) for row in rows}
