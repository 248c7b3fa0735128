"""CPU seconds that a second of synthesised video costs on one core: rendered only, and as `synthesize` leaves it.

Run: python -m infra.benchmarks.synthesis_cost --size 512 --videos 4 --seeds 1 2 3 4
"rendered" draws the scenes and their frames; "with MP4 and truth" is `synthesize`: the same again, poses, masks,
tracks, scores, the H.264 file and the corpus with all that. CPU seconds are user + system of this process, all threads;
it is kept on one processor where the system can do that. Below 1 is faster than real time.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from pipelines.synthesize import synthesize
from transforms.synthesis.drawing import SceneSettings, draw_scene
from transforms.synthesis.render import render

PEOPLE = (1, 2)


@dataclass(frozen=True)
class Cost:
    """CPU seconds for each second of a seed's videos; worst: of a single video, the corpus' last commit left out."""

    seed: int
    rendered: float
    worst_rendered: float
    whole: float
    worst_whole: float


def costs(
    seeds: list[int], videos: int, folder: Path, *, size: int = 512, seconds: float = 4.0, fps: int = 24
) -> Iterator[Cost]:
    """One row for each seed; the files go into the folder.

    Raises RuntimeError for a video that could not be made, ConfigError for impossible settings.
    """
    settings = SceneSettings(size, round(seconds * fps), Fraction(fps), PEOPLE)
    whole_cost(min(seeds) - 1, 1, folder / "warm", settings)
    for seed in seeds:
        rendered, worst_rendered = rendering_cost(seed, videos, settings)
        whole, worst_whole = whole_cost(seed, videos, folder / str(seed), settings)
        yield Cost(seed, rendered, worst_rendered, whole, worst_whole)


def rendering_cost(seed: int, videos: int, settings: SceneSettings) -> tuple[float, float]:
    """CPU seconds a second of video, of all and of the dearest."""
    cv2.setNumThreads(1)
    times = [time.process_time()]
    for index in range(videos):
        render(draw_scene((seed, index), settings))
        times.append(time.process_time())
    return _shares(times, times[-1], settings)


def whole_cost(seed: int, videos: int, out: Path, settings: SceneSettings) -> tuple[float, float]:
    """The same of `synthesize`."""
    seconds, fps = float(settings.frames / settings.fps), int(settings.fps)
    times = [time.process_time()]
    done = synthesize(
        out, videos, seed, size=settings.size, seconds=seconds, fps=fps, people=settings.people,
        progress=lambda *_: times.append(time.process_time()),
    )  # fmt: skip
    if done.made != videos:
        raise RuntimeError(f"{videos - done.made} of {videos} videos of seed {seed} were not made: {done.failed}")
    return _shares(times, time.process_time(), settings)


def _shares(times: list[float], end: float, settings: SceneSettings) -> tuple[float, float]:
    """times: when the first video was begun and every one was done."""
    seconds = float(settings.frames / settings.fps)
    return (end - times[0]) / ((len(times) - 1) * seconds), float(np.diff(times).max()) / seconds


def summary(name: str, means: list[float], worst: float) -> str:
    """Mean over seeds with its standard error, and the dearest video."""
    mean = float(np.mean(means))
    error = float(np.std(means, ddof=1) / len(means) ** 0.5) if len(means) > 1 else float("nan")
    return f"{name:20}{mean:.3f} ±{error:.3f}: {1 / mean:.2f} x real time; dearest video {worst:.3f}: {1 / worst:.2f} x"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--fps", type=int, default=24)
    parser.add_argument("--videos", type=int, default=4, help="of each seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4])
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    size, seconds, fps = arguments.size, arguments.seconds, arguments.fps
    print(f"{size} px, {arguments.videos} videos a seed, {seconds:g} s each at {fps} frames a second")
    print("CPU seconds a second of video\nseed  rendered  with MP4 and truth", flush=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for row in costs(arguments.seeds, arguments.videos, Path(folder), size=size, seconds=seconds, fps=fps):
            rows.append(row)
            print(f"{row.seed:4}  {row.rendered:8.3f}  {row.whole:18.3f}", flush=True)
    print(summary("rendered", [row.rendered for row in rows], max(row.worst_rendered for row in rows)))
    print(summary("with MP4 and truth", [row.whole for row in rows], max(row.worst_whole for row in rows)))


if __name__ == "__main__":
    main()
