"""The driver's loop over one job: hand tasks to supervisors, pass their events on, outlive them."""

from __future__ import annotations

import contextlib
import pickle
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError

from pipelines.engines.base import dearest_first
from pipelines.engines.local.attempt import Attempt
from pipelines.engines.ray.crew import Crew
from pipelines.engines.ray.segments import Segment
from pipelines.engines.ray.studio import Borrower, Studio, in_a_line, kill
from pipelines.engines.ray.supervisor import ANSWER_S, Loan, Step, Supervisor
from pipelines.events import Event, Notice
from pipelines.job import Job
from schemas.errors import FiguregroundError
from schemas.reasons import SourceReason

T = TypeVar("T")
_TICK_S = 0.5
_AWAY_S = 5.0
_SILENT_S = 60.0 + ANSWER_S
_LEAVE_S = 15.0
_MOST_LOSSES = 10
"""Supervisors a task may lose. They are small and blameless, but an input may be what fells its node."""


@dataclass(eq=False, slots=True)
class _Worker(Generic[T]):
    """A supervisor as the driver sees it. call: what it was asked last."""

    actor: Any
    call: ray.ObjectRef[Any]
    asked_at: float
    ready: bool = False
    attempt: Attempt[T] | None = None


class RayRun(Generic[T]):
    """State of one execution of a job."""

    def __init__(self, job: Job[T], tasks: Iterable[T], crew: Crew, lent: Mapping[int, tuple[Segment, Crew]]) -> None:
        """lent: segments that are not at home with their annotators, by number."""
        self._job = job
        self._studios = {number: Studio(*segment_and_crew) for number, segment_and_crew in lent.items()}
        self._tasks = dearest_first(job, tasks)
        self._crew = crew
        self._pickled_job = ray.put(pickle.dumps(job))
        self._again: deque[Attempt[T]] = deque()
        self._asked: dict[ray.ObjectRef[Any], _Worker[T]] = {}
        self._idle: list[_Worker[T]] = []
        self._living: set[Any] = set()
        self._dead_starts = 0
        self._looked_at = self._staffed_at = time.monotonic()

    def events(self) -> Iterator[Event]:
        """Until every task has its verdict. Raises FiguregroundError if the job itself cannot be done."""
        for _ in range(self._crew.number):
            self._start()
        self._again.extend(Attempt(self._job, task) for task in islice(self._tasks, self._crew.number))
        while self._again or self._working:
            calls = [*self._asked, *(call for studio in self._studios.values() for call in studio.calls)]
            ray.wait(calls, timeout=_TICK_S)
            yield from self.delivered()
            for studio in self._studios.values():
                yield from studio.settle()
                yield from studio.queue_news()
            yield from self._enforce_limits()
            self._hand_out()

    @property
    def _working(self) -> bool:
        return any(worker.attempt is not None for worker in self._asked.values())

    def delivered(self) -> Iterator[Event]:
        """What the supervisors have answered so far, and what follows from those that are lost."""
        answered, _ = ray.wait(list(self._asked), num_returns=len(self._asked), timeout=0) if self._asked else ([], [])
        for call in answered:
            worker = self._asked.pop(call)
            try:
                answer = ray.get(call, timeout=_SILENT_S)
            except (RayError, GetTimeoutError) as error:
                if isinstance(error, RayTaskError):
                    raise FiguregroundError(f"a Ray worker could not be run: {error}") from None
                yield from self._lost(worker, in_a_line(error))
            else:
                yield from self._take(worker, answer)

    def stop(self) -> None:
        """End all supervisors: idle ones let their stages be torn down, the others are cut off."""
        with contextlib.suppress(RayError):
            leaving = [worker.actor.stop.remote() for worker in self._idle]
            if leaving:
                ray.wait(leaving, num_returns=len(leaving), timeout=_LEAVE_S)
        for actor in self._living:
            kill(actor)
        for studio in self._studios.values():
            studio.stop()
        self._asked, self._idle, self._living = {}, [], set()

    def _start(self) -> None:
        options = self._crew.options()
        if self._studios:
            options["max_concurrency"] = 2  # clips come back while the supervisor waits for news
        actor_class: Any = ray.remote(**options)(Supervisor)
        actor = actor_class.remote(self._pickled_job, self._crew.pool)
        self._living.add(actor)
        self._ask(_Worker(actor, actor.ready.remote(), time.monotonic()))

    def _ask(self, worker: _Worker[T]) -> None:
        worker.asked_at = time.monotonic()
        self._asked[worker.call] = worker

    def _hand_out(self) -> None:
        while self._idle and (attempt := self._next()) is not None:
            worker = self._idle.pop()
            worker.attempt = attempt
            worker.call = worker.actor.advance.remote([attempt.task])
            self._ask(worker)

    def _next(self) -> Attempt[T] | None:
        if self._again:
            return self._again.popleft()
        task = next(self._tasks, None)
        return None if task is None else Attempt(self._job, task)

    def _take(self, worker: _Worker[T], answer: Step | int) -> Iterator[Event]:
        if isinstance(answer, Step) and worker.attempt is not None:
            for event in answer.events:
                if isinstance(event, Loan):
                    self._studios[event.segment].take(Borrower(worker.actor, event))
                    continue
                worker.attempt.note(event)
                yield event
            if answer.error is not None:
                raise answer.error
            if answer.busy:
                worker.call = worker.actor.advance.remote([])
                self._ask(worker)
                return
            worker.attempt = None
        worker.ready = True
        self._dead_starts = 0
        self._idle.append(worker)

    def _enforce_limits(self) -> Iterator[Event]:
        now = time.monotonic()
        if now - self._looked_at > _TICK_S + _AWAY_S:  # we were away, not they: suspended, or the consumer was busy
            self._staffed_at = now
            for worker in self._asked.values():
                worker.asked_at = now
            for studio in self._studios.values():
                studio.excuse()
        self._looked_at = now
        for worker in [w for w in self._asked.values() if w.ready and now - w.asked_at > _SILENT_S]:
            del self._asked[worker.call]
            yield from self._lost(worker, f"no answer for {_SILENT_S:g} s")
        if self._idle or any(worker.ready for worker in self._asked.values()):
            self._staffed_at = now
        elif now - self._staffed_at > self._crew.start_s:
            raise FiguregroundError(self._crew.absence())

    def _lost(self, worker: _Worker[T], why: str) -> Iterator[Event]:
        self._living.discard(worker.actor)
        kill(worker.actor)
        for studio in self._studios.values():
            studio.forget(worker.actor)
        if not worker.ready:
            self._start_failed(why)
        self._start()
        attempt = worker.attempt
        if attempt is None:
            return
        yield from attempt.taken_back()
        if attempt.may_try_again(SourceReason.CRASHED, _MOST_LOSSES):
            self._again.append(attempt)
            yield Notice(f"{attempt.label}: its Ray worker was lost; trying again. {why}")
        else:
            yield Notice(f"{attempt.label}: its Ray worker was lost; given up. {why}")
            yield from attempt.give_up(SourceReason.CRASHED, why)

    def _start_failed(self, why: str) -> None:
        self._dead_starts += 1
        if self._dead_starts >= max(self._crew.number, self._crew.pool.limits.attempts):
            raise FiguregroundError(f"Ray workers die before they can begin: {why}")
