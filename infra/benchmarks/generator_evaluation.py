"""The pocket model, the copy and the warp baseline on held-out synthesized videos: `evaluate`'s figures in one table.

Run: python -m infra.benchmarks.generator_evaluation --videos 16 --size 128 --work DIR
Every video is to be made again from its first frame, its pose and its tracks (self-reconstruction). `true` is the video
itself, encoded as renders are: what the measures give where all is right. What is finished in the folder is not done
again. Metrics whose networks are not in the cache are left out.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, repeat
from pathlib import Path

import cv2
import torch

from infra.benchmarks.warp_quality import HELD_OUT_SEED
from pipelines.corpus.read import Corpus
from pipelines.evaluation.catalogue import families
from pipelines.evaluation.footage import read_clip
from pipelines.evaluation.run import Evaluation, evaluate
from pipelines.evaluation.subjects import SELF, rendered
from pipelines.farm.folder import RendersFolder
from pipelines.render import encode_pictures, read_inputs, render_pictures
from pipelines.render_card import POCKET, WARP, read_card
from pipelines.render_inputs import Inputs
from pipelines.render_models import open_renderer
from pipelines.synthesize import synthesize
from schemas.arrays import U8
from schemas.errors import GenerationError
from schemas.render_jobs import RenderJob
from transforms.measures.film import frames

TRUE, COPY = "true", "copy"
FPS = 24
_SPARE = 2
"""So many times as many videos are drawn: some do not show their person in the first frame."""
Make = Callable[[RenderJob, Inputs], Iterator[U8]]


def make_corpus(work: Path, videos: int, size: int, seconds: float) -> tuple[Corpus, list[RenderJob]]:
    """Held-out videos and, of those that show their person at first, the jobs that make them again."""
    drawn = synthesize(
        work / "truth", _SPARE * videos, HELD_OUT_SEED, size=size, seconds=seconds, fps=FPS, people=(1, 1)
    )
    if drawn.failed:
        raise RuntimeError(drawn.failed[0])
    corpus = Corpus(work / "truth" / "corpus")
    return corpus, list(islice(_usable(corpus, size, seconds), videos))


def _usable(corpus: Corpus, size: int, seconds: float) -> Iterator[RenderJob]:
    for clip_id in corpus.kept_clip_ids():
        job = RenderJob(clip_id, clip_id, clip_id, seconds=seconds, seed=1, size=size)
        try:
            read_inputs(corpus, job, read_card(WARP))
        except GenerationError:
            continue
        yield job


def render_all(corpus: Corpus, jobs: Sequence[RenderJob], model: str, steps: int | None, out: Path) -> str:
    """Render what is not there yet; what that took, in words."""
    folder, card = RendersFolder(out), read_card(WARP if model in (TRUE, COPY) else model, steps)
    folder.settle({"model": model, "steps": card.steps, "grid": False, "clip_frames": card.clip_frames})
    make, made, started = _maker(corpus, model, steps), 0, time.perf_counter()
    for job in jobs:
        if folder.verdict(job.job_id) is None:
            inputs = read_inputs(corpus, job, card)
            folder.finish(job, encode_pictures(make(job, inputs), inputs.fps).video, {})
            made += inputs.frames
    return f"{1000 * (time.perf_counter() - started) / made:.0f} ms of wall time a frame" if made else "rendered before"


def _maker(corpus: Corpus, model: str, steps: int | None) -> Make:
    if model == TRUE:
        return lambda job, inputs: frames(read_clip(corpus, job.reference).at(inputs.reference.size, inputs.frames))
    if model == COPY:
        return lambda _, inputs: repeat(inputs.reference.rgb_HW3, inputs.frames)
    renderer = open_renderer(model, steps)
    return lambda _, inputs: render_pictures(renderer, inputs, grid=False)


def table(found: dict[str, Evaluation]) -> list[str]:
    """Lines: a metric a row, a model a column; means over videos."""
    lines = [f"{'':22}" + "".join(f"{model:>10}" for model in found) + "   better"]
    first = next(iter(found.values()))
    for metric in first.metrics:
        means = [next((s.mean for s in done.summaries if s.metric == metric), None) for done in found.values()]
        cells = "".join(f"{'' if mean is None else f'{mean:.4g}':>10}" for mean in means)
        lines.append(f"{metric.name:22}{cells}   {metric.better}")
    for index, distance in enumerate(first.distances):
        values = [done.distances[index].value for done in found.values()]
        cells = "".join(f"{'' if value is None else f'{value:.4g}':>10}" for value in values)
        lines.append(f"{distance.metric.name:22}{cells}   {distance.metric.better}")
    return lines


def compare(
    work: Path, videos: int, size: int, seconds: float, models: Sequence[str], steps: int | None = None
) -> dict[str, Evaluation]:
    """Make, render and measure; evaluations by model."""
    corpus, jobs = make_corpus(work, videos, size, seconds)
    found = {}
    for model in models:
        name = Path(model).name
        cost = render_all(corpus, jobs, model, steps, work / name)
        chosen = families((), disco=True)
        found[name] = evaluate(rendered(work / name, SELF), corpus.root, chosen, work / f"{name}-report")
        print(f"{name}: {len(jobs)} videos, {cost}")
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=16)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--models", nargs="+", default=[TRUE, COPY, WARP, POCKET], help="true, copy, names, or folders")
    parser.add_argument("--work", type=Path, help="folder to go on in")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        work = arguments.work or Path(folder)
        found = compare(work, arguments.videos, arguments.size, arguments.seconds, arguments.models, arguments.steps)
    print("\n".join(table(found)))
    for line in next(iter(found.values())).reasons:
        print(f"left out: {line}")
    for done in found.values():
        print("\n".join(done.failures), end="")


if __name__ == "__main__":
    main()
