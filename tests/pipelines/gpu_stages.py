"""Stages that ask for a share of a GPU, in the scheduler's books, and one that comes after them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from schemas.outcomes import Kept, Outcome
from schemas.records import Clip
from tests.pipelines.engine_stages import MISDEEDS, Missing, Work, script
from transforms.stage import Resources, Stage


class OnGpu(Work):
    """Works where a GPU is; `gpu_kill=3` in the script kills its process at clip 3; `gpu_hang`, `gpu_eat`."""

    name = "on_gpu"
    resources = Resources(cpus=0.5, gpus=0.5, memory_mb=256)

    def process(self, item: Clip) -> Iterable[Outcome[Clip]]:
        wish = script(item.source.uri)
        for misdeed in ("kill", "hang", "eat"):
            if wish.get(f"gpu_{misdeed}") == item.index:
                MISDEEDS[misdeed]()
        assert item.frames is not None
        yield Kept(replace(item, phash=f"{os.getpid()}"))


class AlsoOnGpu(OnGpu):
    name = "also_on_gpu"

    def process(self, item: Clip) -> Iterable[Outcome[Clip]]:
        yield Kept(replace(item, error=item.phash))


class CountFrames(Stage[Clip, Clip]):
    """After the GPU: needs the frames again, at home."""

    name = "count_frames"
    accepts = Clip

    def process(self, item: Clip) -> Iterable[Outcome[Clip]]:
        assert item.frames is not None
        assert np.array_equal(item.frames.pts_T, np.arange(2))
        yield Kept(replace(item, camera=f"{len(item.frames)}/{os.getpid()}"))


class HugeOnGpu(OnGpu):
    name = "huge"
    resources = Resources(gpus=8)


class MissingOnGpu(Missing):
    resources = Resources(cpus=0.5, gpus=0.5, memory_mb=256)


@dataclass
class Takes(Stage[Clip, Clip]):
    """Takes its time over every clip."""

    seconds: float

    name = "takes"
    accepts = Clip

    def process(self, item: Clip) -> Iterable[Outcome[Clip]]:
        time.sleep(self.seconds)
        yield Kept(item)


@dataclass
class Sees(Stage[str, tuple[str, int, str | None]]):
    """Item to itself, the worker's process id and the GPUs it sees, once so many items are worked on at a time.

    The item `kill` kills its worker at first; `hold` waits until `kill` was tried again. number: see `Stage`.
    """

    folder: Path
    together: int = 1
    number: int | None = None

    name = "sees"
    accepts = str
    resources = Resources(gpus=1.0)

    @property
    def gpu_number(self) -> int | None:
        return self.number

    def process(self, item: str) -> Iterable[Outcome[tuple[str, int, str | None]]]:
        (self.folder / f"{item}.begun").touch()
        self._wait(lambda: len(list(self.folder.glob("*.begun"))) >= self.together)
        if item == "kill" and not (self.folder / "killed").exists():
            (self.folder / "killed").touch()
            MISDEEDS["kill"]()
        if item == "kill":
            (self.folder / "again").touch()
        if item == "hold":
            self._wait((self.folder / "again").exists)
        yield Kept((item, os.getpid(), os.environ.get("CUDA_VISIBLE_DEVICES")))

    def _wait(self, until: Callable[[], bool]) -> None:
        for _ in range(1200):
            if until():
                return
            time.sleep(0.05)
        raise TimeoutError("the others did not come")


class SeesHalf(Sees):
    resources = Resources(gpus=0.5)


class SeesWithout(Sees):
    resources = Resources()
