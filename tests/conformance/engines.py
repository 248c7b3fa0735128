"""The engines that must all give the same corpus, by name. A new engine is one more entry."""

from __future__ import annotations

import atexit
import functools
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from pipelines.engines.base import Engine
from schemas.config import BeamConfig, LimitsConfig

WORKERS = 2


class Maker(Protocol):
    """Makes an engine with two workers. memory_mb: what each of them may hold; None, what the engine thinks fit."""

    def __call__(self, limits: LimitsConfig, memory_mb: int | None = None) -> Engine: ...


def local(limits: LimitsConfig, memory_mb: int | None = None) -> Engine:
    from pipelines.engines.local import LocalEngine

    return LocalEngine(WORKERS, memory_mb=memory_mb, limits=limits)


def ray(limits: LimitsConfig, memory_mb: int | None = None) -> Engine:
    from pipelines.engines.ray.engine import RayEngine

    return RayEngine(WORKERS, limits=limits, memory_mb=memory_mb)


def beam(limits: LimitsConfig, memory_mb: int | None = None) -> Engine:
    from pipelines.engines.beam import BeamEngine

    return BeamEngine(WORKERS, limits=limits, memory_mb=memory_mb)


def beam_processes(limits: LimitsConfig, memory_mb: int | None = None) -> Engine:
    from pipelines.engines.beam import BeamEngine

    options = ("--runner=DirectRunner", "--direct_running_mode=multi_processing", "--direct_runner_bundle_repeat=1")
    return BeamEngine(WORKERS, BeamConfig(options=options), limits, memory_mb)


def beam_portable(limits: LimitsConfig, memory_mb: int | None = None) -> Engine:
    from pipelines.engines.beam import BeamEngine
    from tests.pipelines.beam_services import IN_SUBPROCESSES

    return BeamEngine(None, BeamConfig(options=(*_job_service(), *IN_SUBPROCESSES)), limits, memory_mb)


@functools.cache
def _job_service() -> tuple[str, ...]:
    """Options that reach Beam's job service, which is started once and ends with this process."""
    from tests.pipelines.beam_services import job_service

    until_exit = ExitStack()
    atexit.register(until_exit.close)
    folder = until_exit.enter_context(tempfile.TemporaryDirectory())
    return until_exit.enter_context(job_service(Path(folder)))


ENGINES: dict[str, Maker] = {
    "local": local,
    "ray": ray,
    "beam": beam,
    "beam-processes": beam_processes,
    "beam-portable": beam_portable,
}
SLOW = ("beam-processes", "beam-portable")
"""Engines whose tests `make chaos` runs: every process of Beam's takes seconds to start."""
EXPECTED = "local"
"""The engine whose results the others must equal."""
