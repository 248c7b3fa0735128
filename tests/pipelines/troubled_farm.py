"""Workers that meet what workers meet: real allocations that fail, real limits on files, real deaths."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch

from pipelines.farm.run import Batch, render_batch
from pipelines.farm.stepping import Made, Stepper
from pipelines.farm.tally import Tally
from pipelines.farm.worker import Rendering
from schemas.config import LimitsConfig
from tests.pipelines.farm_processes import ForkedCrew


@dataclass(frozen=True)
class Trouble:
    """deadly_seed: stepping this video kills the worker. needs_mb: memory for each video of a step; has_mb: there is.

    most_file_bytes: no file can be larger. slow_s: every step takes so long. log: where the size of each step is noted.
    """

    deadly_seed: int = -1
    needs_mb: int = 0
    has_mb: int = 0
    most_file_bytes: int = 0
    slow_s: float = 0.0
    log: Path | None = None


@dataclass
class TroubledStepper:
    """A real stepper, in trouble."""

    stepper: Stepper
    trouble: Trouble

    @property
    def precision(self) -> str | None:
        return self.stepper.precision

    def prepare(self, inputs: Any, clip: int, state: Path | None, *, grid: bool) -> Any:
        return self.stepper.prepare(inputs, clip, state, grid=grid)

    def step(self, videos: Sequence[Any], drawn: Sequence[Any], alive: Callable[[], None]) -> list[Made]:
        trouble = self.trouble
        if trouble.deadly_seed in [video.seed for video in videos]:
            os.kill(os.getpid(), signal.SIGKILL)
        if trouble.needs_mb:
            torch.empty(len(videos) * trouble.needs_mb * 2**20, dtype=torch.uint8)
        time.sleep(trouble.slow_s)
        if trouble.log:
            with trouble.log.open("a") as file:
                file.write(f"{len(videos)}\n")
        return self.stepper.step(videos, drawn, alive)

    def close(self) -> None:
        self.stepper.close()


@dataclass
class Troubled(Rendering):
    trouble: Trouble = Trouble()

    def setup(self) -> None:
        super().setup()
        self._stepper = TroubledStepper(self._stepper, self.trouble)
        if self.trouble.has_mb:
            held = 1024 * int(Path("/proc/self/status").read_text().partition("VmData:")[2].split()[0])
            resource.setrlimit(resource.RLIMIT_DATA, (held + self.trouble.has_mb * 2**20,) * 2)
        if self.trouble.most_file_bytes:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.trouble.most_file_bytes,) * 2)


def drive_in_trouble(batch: Batch, trouble: Trouble, workers: int = 1, **limits: int) -> tuple[Tally, list[Any]]:
    """Render a batch with such workers; the tally and what was told."""
    told: list[Any] = []

    def hire(work: Rendering) -> ForkedCrew:
        given = {field.name: getattr(work, field.name) for field in fields(work)}
        return ForkedCrew(Troubled(**given, trouble=trouble), workers)

    tally = render_batch(batch, hire, lambda _, event: told.append(event), LimitsConfig(**limits))
    return tally, [event for event in told if event is not None]
