"""What the farm costs beside the bare pipeline, and what stepping videos together brings.

Run: python -m infra.benchmarks.farm_overhead                 # one worker of the farm against the bare pipeline
     python -m infra.benchmarks.farm_overhead --batching      # 8 videos stepped together against one after the other
The model is the pocket checkpoint at its own size, the jobs are of synthesized clips. The bare pipeline is given the
drawn clips of all jobs beforehand, and its frames are thrown away: it does nothing but sample and decode. The farm
reads inputs, draws, samples, decodes, encodes, writes, joins and tells; its clock begins when its first video's inputs
are read. One thread each, as workers have. Both are run --rounds times in turn and the best is taken, as other work on
the machine only adds. CPU: frames for a second of all processors' time, driver and worker together; where that is near
the bare pipeline's, the farm costs little even on one processor, and other work on the machine hardly changes it.
Busy: share of the worker's time, by its own trace, in which its model's thread was in the model.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import torch

from models.generator.pipeline import HumanVideoPipeline, Sampling, VideoInputs
from pipelines.corpus.committer import Committer
from pipelines.corpus.parts import PartWriter, part_id_of
from pipelines.corpus.read import Corpus
from pipelines.farm.folder import RendersFolder
from pipelines.farm.local_crew import LocalCrew
from pipelines.farm.orders import Began, News
from pipelines.farm.pool import Notice
from pipelines.farm.run import Batch, render_batch
from pipelines.farm.tally import Tally
from pipelines.render import read_inputs
from pipelines.render_card import ModelCard, read_card
from pipelines.render_clips import VideoClips, reference_tensors
from schemas.config import Config
from schemas.reasons import Verdict
from schemas.records import SourceReport
from schemas.render_jobs import RenderJob
from transforms.synthesis.clip import make_clip
from transforms.synthesis.drawing import SceneSettings, draw_scene

FPS = 12


def write_corpus(root: Path) -> list[str]:
    """Two puppets at 96 px; their ids."""
    ids = []
    with Committer(root, Config()) as committer:
        for seed, camera in ((4, "static"), (11, "pan")):
            clip = make_clip(draw_scene((seed,), SceneSettings(96, 40, FPS, (1, 1), camera=camera)), f"/{seed}.mp4")
            report = SourceReport(clip.source, Verdict.DONE, clips=1)
            part = part_id_of(clip.source.source_id, 0)
            committer.add(PartWriter(root).write(part, [clip], report))
            ids.append(clip.clip_id)
    return ids


def make_jobs(ids: Sequence[str], count: int, clips: int, card: ModelCard) -> list[RenderJob]:
    """Equal but for the seed."""
    seconds = (1 + clips * (card.clip_frames - 1)) / FPS
    return [RenderJob(ids[n % 2], ids[1 - n % 2], "pan", seconds=seconds, seed=n) for n in range(count)]


@dataclass(frozen=True)
class Pace:
    """Frames a second, and a second of processors' time. busy: the model's share of the time."""

    wall: float = 0.0
    cpu: float = 0.0
    busy: float = 0.0

    def best(self, other: Pace) -> Pace:
        """The best of each."""
        return Pace(max(self.wall, other.wall), max(self.cpu, other.cpu), max(self.busy, other.busy))

    def __str__(self) -> str:
        return f"{self.wall:.2f} frames a second, {self.cpu:.2f} a CPU second"


def bare(pipeline: HumanVideoPipeline, videos: Sequence[VideoInputs], steps: int) -> Pace:
    """One video after the other."""
    started, frames = now(), 0
    for video in videos:
        frames += sum(len(result.frames_T3HW) for result in pipeline.stream([video], Sampling(steps)))
    return Pace(*(frames / (ended - began) for began, ended in zip(started, now(), strict=True)))


def now() -> tuple[float, float]:
    """Seconds by the clock, and of processors' time of this process and those that it has begun."""
    times = [process.cpu_times() for process in (psutil.Process(), *psutil.Process().children(recursive=True))]
    return time.perf_counter(), sum(each.user + each.system for each in times)


def drawn(corpus: Corpus, jobs: Sequence[RenderJob], card: ModelCard) -> list[VideoInputs]:
    """Everything that the pipeline is given, made beforehand."""
    videos = []
    for job in jobs:
        inputs = read_inputs(corpus, job, card)
        reference = reference_tensors(inputs.reference)
        clips = list(VideoClips(inputs, reference, card.clip_frames))
        videos.append(VideoInputs(reference.picture_B3HW[0], job.seed, clips))
    return videos


def farm(batch: Batch) -> tuple[Pace, dict[str, str]]:
    """The pace since the first video was begun, and digests of the videos."""
    began: list[tuple[float, float]] = []
    ended: list[tuple[float, float]] = []

    def told(tally: Tally, event: News | Notice | None) -> None:
        if isinstance(event, Began) and not began:
            began.append(now())
        if not tally.left and not ended:
            ended.append(now())

    tally = render_batch(batch, lambda work: LocalCrew(work, 1), told)
    videos = {row["job_id"]: row["sha256"] for row in RendersFolder(batch.out).verdicts()}
    wall, cpu = (tally.frames / (end - begin) for begin, end in zip(began[0], ended[0], strict=True))
    return Pace(wall, cpu, tally.busy or 0.0), videos


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--clips", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batching", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    card = read_card("pocket")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        ids = write_corpus(root / "corpus")
        jobs = make_jobs(ids, arguments.jobs, arguments.clips, card)
        batch = Batch(jobs, str(root / "corpus"), root / "renders", card)
        (batching if arguments.batching else overhead)(batch, root, arguments.rounds)


def overhead(batch: Batch, root: Path, rounds: int) -> None:
    """The farm beside the bare pipeline."""
    pipeline: Any = HumanVideoPipeline.from_pretrained(batch.card.folder or "")
    videos = drawn(Corpus(batch.corpus), batch.jobs, batch.card)
    bare(pipeline, videos[:1], batch.card.steps)
    alone, farmed = Pace(), Pace()
    for number in range(rounds):
        once = bare(pipeline, videos, batch.card.steps)
        again, _ = farm(replace(batch, out=root / f"renders{number}"))
        alone, farmed = alone.best(once), farmed.best(again)
        print(f"round {number + 1}: bare {once}; farm {again}, busy {again.busy:.1%}", flush=True)
    shares = farmed.wall / alone.wall, farmed.cpu / alone.cpu
    print(f"best: {shares[0]:.3f} by the clock, {shares[1]:.3f} of CPU; busy {farmed.busy:.1%}")


def batching(batch: Batch, root: Path, rounds: int) -> None:
    """All videos together beside one after the other."""
    best = dict.fromkeys((1, len(batch.jobs)), 0.0)
    digests = set()
    for number in range(rounds):
        for together in best:
            pace, videos = farm(replace(batch, out=root / f"{together}-{number}", together=together))
            best[together] = max(best[together], pace.wall)
            digests.add(tuple(sorted(videos.items())))
    for together, pace in best.items():
        print(f"{together} at a time: {pace:.2f} frames a second")
    print("the same bytes" if len(digests) == 1 else "OTHER BYTES")


if __name__ == "__main__":
    main()
