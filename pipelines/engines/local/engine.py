"""The local engine: worker processes on this machine, one task at a time each."""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Generator, Iterable
from typing import Any, ClassVar, TypeVar

import psutil

from pipelines.engines.local.gpus import visible_gpus
from pipelines.engines.local.process import WorkerProcess
from pipelines.engines.local.run import Pool, Run
from pipelines.events import Event, Mapped
from pipelines.flow import Flow
from pipelines.job import GpuNeed, Job, Task
from pipelines.mapping import Mapping
from schemas.config import LimitsConfig
from schemas.outcomes import Outcome
from transforms.stage import Stage

T = TypeVar("T")
_THREADS = 2
_MEMORY_SHARE = 0.8


class LocalEngine:
    """Worker processes that survive what a task does to one of them.

    workers: default, as many as the processors allow with `threads` threads each, or, of a job that needs a GPU, as
    many as the GPUs allow. GPUs are dealt out to workers in turn: each sees one alone.
    memory_mb: a worker that holds more is killed; default, an equal share of four fifths of the machine's memory.
    gpus: by the names that CUDA_VISIBLE_DEVICES takes; default, those that this process sees.
    """

    name: ClassVar[str] = "local"

    def __init__(
        self,
        workers: int | None = None,
        threads: int = _THREADS,
        memory_mb: int | None = None,
        limits: LimitsConfig | None = None,
        gpus: tuple[str, ...] | None = None,
    ) -> None:
        self._asked, self._threads, self._memory_mb, self._gpus = workers, threads, memory_mb, gpus
        self._limits = limits or LimitsConfig()
        self._workers = self._processes = workers or max(1, processors() // threads)
        self._spares: list[WorkerProcess] = []
        weakref.finalize(self, _dismiss, self._spares)

    @property
    def workers(self) -> int:
        """Worker processes, at most; of the last job, once there was one."""
        return self._workers

    def run(self, flow: Flow, tasks: Iterable[Task]) -> Generator[Event, None, None]:
        """Curate sources; see `Engine`."""
        return self._execute(flow, tasks)

    def map(self, stages: tuple[Stage[Any, Any], ...], items: Iterable[Any]) -> Generator[Outcome[Any], None, None]:
        """Outcomes of independent items; see `Engine`."""
        with contextlib.closing(self._execute(Mapping(stages), items)) as events:
            for event in events:
                if isinstance(event, Mapped):
                    yield from event.outcomes

    def close(self) -> None:
        """End the workers that wait for another run; see `Engine`."""
        _dismiss(self._spares)

    def _execute(self, job: Job[T], tasks: Iterable[T]) -> Generator[Event, None, None]:
        pool = self._pool(job.gpu_need())
        self._workers = pool.workers
        run = Run(job, tasks, pool, self._spares)
        try:
            yield from run.events()
        except KeyboardInterrupt:
            yield from run.delivered()
            raise
        finally:
            run.stop()

    def _pool(self, need: GpuNeed) -> Pool:
        """The workers of a job."""
        if not need.share:
            return self._sized(self._processes)
        if need.number is not None:  # the annotators look for it by its number, so they must see all
            return self._sized(self._asked or max(1, int(1 / need.share)))
        gpus = visible_gpus() if self._gpus is None else self._gpus
        return self._sized(self._asked or max(1, int(len(gpus) / need.share)), gpus)

    def _sized(self, workers: int, gpus: tuple[str, ...] = ()) -> Pool:
        memory_bytes = memory_share_bytes(workers) if self._memory_mb is None else self._memory_mb * 2**20
        return Pool(workers, self._threads, memory_bytes, self._limits, gpus)


def _dismiss(spares: list[WorkerProcess]) -> None:
    while spares:
        spares.pop().close()


def processors() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_share_bytes(workers: int) -> int:
    """What each of the workers of this machine may hold."""
    return int(psutil.virtual_memory().total * _MEMORY_SHARE / workers)
