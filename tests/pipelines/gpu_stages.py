"""Stages that ask for a share of a GPU, in the scheduler's books, and one that comes after them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

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
