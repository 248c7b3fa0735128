"""The driver's loop over one job: hand out tasks, pass events on, outlive workers."""

from __future__ import annotations

import pickle
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any, Generic, TypeVar

from pipelines.engines.base import dearest_first
from pipelines.engines.local.attempt import Attempt
from pipelines.engines.local.process import WorkerProcess
from pipelines.engines.local.wire import Broken, Ready, Starved, TaskDone
from pipelines.events import Event, Notice, WorkerMemory
from pipelines.job import Job
from schemas.config import LimitsConfig
from schemas.errors import FiguregroundError
from schemas.reasons import SourceReason

T = TypeVar("T")
_TICK_S = 0.5
_AWAY_S = 5.0
_START_S = 120.0
"""Imports and models are given this long at least, on a machine that is busy."""


@dataclass(frozen=True, slots=True)
class Pool:
    """The workers a run may have, and what a task may do to them.

    workers: at a time. threads: per library in each. memory_bytes: most a worker may hold. limits: see its fields.
    gpus: dealt out to the workers, of which each sees its own alone; none: workers see what this process does.
    """

    workers: int
    threads: int
    memory_bytes: int
    limits: LimitsConfig
    gpus: tuple[str, ...] = ()


class Run(Generic[T]):
    """State of one execution of a job."""

    def __init__(self, job: Job[T], tasks: Iterable[T], pool: Pool, spares: list[WorkerProcess] | None = None) -> None:
        """spares: workers without a job, taken before others are started; `stop` leaves its idle ones there."""
        self._job = job
        self._pickled_job = pickle.dumps(job)
        self._tasks = dearest_first(job, tasks)
        self._pool = pool
        self._spares = spares
        self._again: deque[Attempt[T]] = deque()
        self._working: dict[WorkerProcess, Attempt[T]] = {}
        self._idle: list[WorkerProcess] = []
        self._dead_starts = 0
        self._looked_at = time.monotonic()

    def events(self) -> Iterator[Event]:
        """Until every task has its verdict. Raises FiguregroundError if the job itself cannot be done."""
        self._hand_out()
        while self._working:
            yield from self.step()

    def give(self, task: T) -> None:
        """One more task, for workers that outlive the tasks of the start; `step` until no longer `busy`."""
        self._again.append(Attempt(self._job, task))
        self._hand_out()

    def tell(self, message: Any) -> None:
        """Send a message to the workers at work; their jobs know what it means. May be called from another thread."""
        for worker in list(self._working):
            worker.send(message)

    def condemn(self, pid: int, reason: SourceReason, why: str) -> Iterator[Event]:
        """End a worker at work, after what it has delivered, and give its task up."""
        yield from self.delivered()
        for worker in [worker for worker in self._working if worker.pid == pid]:
            yield from self._died(worker, reason, why, again=False)
        self._hand_out()

    @property
    def busy(self) -> bool:
        """Tasks are being worked on."""
        return bool(self._working)

    def step(self) -> Iterator[Event]:
        """What happens within a moment."""
        connection.wait([worker.pipe for worker in self._working], _TICK_S)
        yield from self.delivered()
        yield from self._enforce_limits()
        self._hand_out()

    def delivered(self) -> Iterator[Event]:
        """What the workers have sent so far, and what follows from those that died."""
        for worker in list(self._working):
            while worker in self._working and (message := worker.receive()) != []:
                yield from self._died(worker) if message is None else self._take(worker, message)

    def stop(self) -> None:
        """End the job: idle workers tear their stages down, the others are cut off."""
        for worker in self._working:
            worker.kill()
        for worker in self._idle:
            worker.send(None)
        if self._spares is not None:
            self._spares += self._idle
            self._idle = []
        for worker in (*self._working, *self._idle):
            worker.close()
        self._working, self._idle = {}, []

    def _hand_out(self) -> None:
        while len(self._working) < self._pool.workers and (attempt := self._next()) is not None:
            worker = self._idle.pop() if self._idle else self._hire()
            worker.seen_at = time.monotonic()
            self._working[worker] = attempt
            worker.send(attempt.task)

    def _hire(self) -> WorkerProcess:
        gpu = self._next_gpu()
        worker = self._spare(gpu) or WorkerProcess(self._pool.threads, self._pool.memory_bytes, gpu)
        worker.take_on(self._pickled_job)
        return worker

    def _next_gpu(self) -> str | None:
        """The one that the fewest workers have, so that a worker's successor gets what that one had."""
        had = Counter(worker.gpu for worker in (*self._working, *self._idle))
        return min(self._pool.gpus, key=lambda gpu: had[gpu], default=None)

    def _spare(self, gpu: str | None) -> WorkerProcess | None:
        """A waiting worker that was started for as much memory and the same GPU."""
        for worker in self._spares or ():
            if (worker.gpu, worker.memory_bytes) == (gpu, self._pool.memory_bytes):
                assert self._spares is not None
                self._spares.remove(worker)
                return worker
        return None

    def _next(self) -> Attempt[T] | None:
        if self._again:
            return self._again.popleft()
        task = next(self._tasks, None)
        return None if task is None else Attempt(self._job, task)

    def _take(self, worker: WorkerProcess, message: list[Any]) -> Iterator[Event]:
        for event in message:
            if isinstance(event, Broken):
                raise event.error
            if isinstance(event, Starved):
                yield from self._starved(worker)
            elif isinstance(event, Ready):
                worker.ready = True
                self._dead_starts = 0
            elif isinstance(event, TaskDone):
                del self._working[worker]
                self._idle.append(worker)
                yield WorkerMemory(worker.number, event.peak_rss_bytes)
            else:
                self._working[worker].note(event)
                yield event

    def _enforce_limits(self) -> Iterator[Event]:
        now = time.monotonic()
        if now - self._looked_at < _TICK_S:
            return
        if now - self._looked_at > _TICK_S + _AWAY_S:  # we were away, not they: suspended, or the consumer was busy
            for worker in self._working:
                worker.seen_at = now
        self._looked_at = now
        for worker in list(self._working):
            stall_s = self._pool.limits.stall_s
            if now - worker.seen_at > (stall_s if worker.ready else max(stall_s, _START_S)):
                yield from self._died(worker, SourceReason.STALLED, f"no progress for {stall_s:g} s")
            elif worker.rss_bytes() > self._pool.memory_bytes:
                yield from self._starved(worker)

    def _starved(self, worker: WorkerProcess) -> Iterator[Event]:
        why = f"needed more than {self._pool.memory_bytes // 2**20} MiB of memory"
        yield from self._died(worker, SourceReason.CRASHED, why)

    def _died(
        self, worker: WorkerProcess, reason: SourceReason = SourceReason.CRASHED, why: str = "", again: bool = True
    ) -> Iterator[Event]:
        attempt = self._working.pop(worker)
        if why:
            worker.kill()
        why = why or worker.death()
        last_words = worker.last_words()
        worker.close()
        if not worker.ready:
            self._start_failed(attempt, why, last_words)
            return
        yield from attempt.taken_back()
        if attempt.may_try_again(reason, self._pool.limits.attempts) and again:
            self._again.append(attempt)
            yield Notice(f"{attempt.label}: {why}; trying again. {last_words}".strip())
        else:
            yield Notice(f"{attempt.label}: {why}; given up. {last_words}".strip())
            yield from attempt.give_up(reason, why)

    def _start_failed(self, attempt: Attempt[T], why: str, last_words: str) -> None:
        self._again.append(attempt)
        self._dead_starts += 1
        if self._dead_starts >= self._pool.limits.attempts:
            raise FiguregroundError(f"workers die before they can begin: {why}\n{last_words}".strip())
