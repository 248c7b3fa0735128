"""What `full` costs beside its U-Net alone and beside the way its peers are run, at random weights.

Run: python -m infra.benchmarks.generator_cost                              # a tenth of the width, on the CPU
     python -m infra.benchmarks.generator_cost --parts d --clips 32 64      # in pieces
     python -m infra.benchmarks.generator_cost --device cuda --width 320 --size 512 --steps 25
Everything is as wide as --width tells, autoencoder and encoders included; 320 is Stable Diffusion's. Guidance is on:
two predictions a step.
(a) The pipeline against its U-Net called as often, with the conditions there already.
(b) The pipeline against the same network run the peers' way, for the same frames: windows of 16 frames that overlap by
    4, every condition encoded anew at every step and in every window, both predictions one after the other.
(c) Four videos in one batch against one after the other.
(d) Growth with the length, one step without guidance for each clip.
Every row is a process of its own, warmed up by one clip of one step. Seconds are CPU seconds of that process on a CPU,
else wall seconds. The peak is the most that the process ever held, weights and libraries included, which the first row
has too; on a GPU the most that was allocated there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from diffusers.utils import logging

from infra.benchmarks.generator_paths import (
    BATCH,
    FRAMES,
    FULL_WIDTH,
    LOADED,
    ONE_BY_ONE,
    PATHS,
    PEERS,
    PIPELINE,
    TOGETHER,
    UNET,
    build,
    video,
)
from models.generator.guidance import Guidance
from models.generator.pipeline import Sampling

CLIPS = 4
GUIDED = Guidance(joint=2.0)


def seconds(work: Callable[[], object], device: str) -> float:
    """CPU seconds on a CPU, else wall seconds until the device is done."""
    if device == "cpu":
        started = time.process_time()
        work()
        return time.process_time() - started
    torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - started


def peak_mb(device: str) -> float:
    """The most that this process ever held; on a GPU the most it ever allocated there."""
    if device == "cpu":
        # Not ru_maxrss, which in a new process still holds its parent's peak.
        status = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in status if line.startswith("VmHWM:")).split()[1]) / 1024
    return torch.cuda.max_memory_allocated() / 2**20


@dataclass(frozen=True)
class Task:
    """What one process does. path: of PATHS. clips: of each video. guided: with two predictions a step."""

    path: str
    clips: int
    steps: int
    guided: bool = True

    @property
    def sampling(self) -> Sampling:
        """As the pipeline takes it."""
        return Sampling(self.steps, GUIDED if self.guided else Guidance())


@dataclass(frozen=True)
class Cost:
    """Seconds and peak memory of a task."""

    seconds: float
    peak_mb: float


def measure(task: Task, width: int, size: int, device: str) -> Cost:
    """In this process, which should have done nothing else."""
    torch.set_num_threads(1)
    pipeline = build(width, device, torch.float32 if device == "cpu" else torch.bfloat16)
    prepare = PATHS[task.path]
    prepare(pipeline, video(0, 1, size), replace(task, steps=1).sampling)()
    work = prepare(pipeline, video(1, task.clips, size), task.sampling)
    taken = seconds(work, device)
    return Cost(taken, peak_mb(device))


def in_a_process(task: Task, arguments: argparse.Namespace) -> Cost:
    """The same in a process of its own."""
    settings = [f"--{name}={getattr(arguments, name)}" for name in ("device", "width", "size")]
    command = [sys.executable, "-m", "infra.benchmarks.generator_cost", *settings]
    wanted = ["--measure", json.dumps(asdict(task))]
    told = subprocess.run([*command, *wanted], check=True, stdout=subprocess.PIPE, text=True).stdout
    return Cost(**json.loads(told.splitlines()[-1]))


def rows(parts: set[str], steps: int, clips: list[int]) -> Iterator[tuple[str, Task]]:
    """Tasks of the parts that are asked for, by name."""
    yield LOADED, Task(LOADED, 1, 1)
    needed = {PIPELINE: {"a", "b"}, UNET: {"a"}, PEERS: {"b"}}
    yield from ((path, Task(path, CLIPS, steps)) for path, asking in needed.items() if parts & asking)
    if "c" in parts:
        yield from ((path, Task(path, 1, steps)) for path in (TOGETHER, ONE_BY_ONE))
    if "d" in parts:
        yield from ((f"{each} clips", Task(PIPELINE, each, 1, guided=False)) for each in clips)


def line(name: str, task: Task, cost: Cost) -> str:
    """A row of the table."""
    if task.path == LOADED:
        return f"{name:20}{'':25}{cost.peak_mb:7.0f}"
    videos = BATCH if task.path in (TOGETHER, ONE_BY_ONE) else 1
    frames = videos * (task.clips * (FRAMES - 1) + 1)
    each = cost.seconds / (videos * task.clips)
    return f"{name:20}{cost.seconds:7.2f}  {each:6.3f}  {frames / cost.seconds:8.2f}{cost.peak_mb:7.0f}"


def verdicts(costs: dict[str, Cost], device: str) -> Iterator[str]:
    """What the rows say beside each other."""

    def ratio(one: str, other: str) -> str:
        return f"{costs[one].seconds / costs[other].seconds:.2f}"

    if UNET in costs:
        yield f"(a) frames per second of the pipeline over the U-Net's: {ratio(UNET, PIPELINE)}"
    if PEERS in costs:
        yield f"(b) the peers' way takes {ratio(PEERS, PIPELINE)} times as long as the pipeline"
    if TOGETHER in costs:
        yield f"(c) a batch of four is {ratio(ONE_BY_ONE, TOGETHER)} times as fast as one by one"
    if TOGETHER in costs and device == "cpu":
        yield "    On a CPU every video of a batch goes through the network alone, so that its bytes do not depend on"
        yield "    its company: near 1 is what to expect."


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=list("abcd"), default=list("abcd"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--clips", type=int, nargs="+", default=[2, 4, 8, 16, 32, 64], help="lengths of part d")
    parser.add_argument("--measure", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    logging.set_verbosity_error()
    if arguments.measure:
        task = Task(**arguments.measure)
        print(json.dumps(asdict(measure(task, arguments.width, arguments.size, arguments.device))))
        return
    with torch.device("meta"):
        parameters = sum(p.numel() for p in build(arguments.width, "meta", torch.float32).unet.parameters()) / 1e6
    print(
        f"width {arguments.width} of {FULL_WIDTH}: {parameters:.0f} M parameters, {arguments.size} px, "
        f"{arguments.steps} steps, {arguments.device}"
    )
    print(f"{'':20}seconds  a clip  frames/s  peak MB")
    costs: dict[str, Cost] = {}
    for name, task in rows(set(arguments.parts), arguments.steps, arguments.clips):
        costs[name] = in_a_process(task, arguments)
        print(line(name, task, costs[name]), flush=True)
    for told in verdicts(costs, arguments.device):
        print(told)


if __name__ == "__main__":
    main()
