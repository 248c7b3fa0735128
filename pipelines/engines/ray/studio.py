"""The annotators of one segment as the driver sees them: clips in, answers out, deaths told."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayActorError, RayError

from pipelines.engines.ray.annotator import Annotator
from pipelines.engines.ray.crew import Crew
from pipelines.engines.ray.segments import Segment
from pipelines.engines.ray.supervisor import Loan
from schemas.errors import FiguregroundError
from schemas.reasons import SourceReason

Call = ray.ObjectRef[Any]
_LEAVE_S = 15.0


@dataclass(frozen=True, slots=True)
class Borrower:
    """A loan and whose it is: the supervisor's actor."""

    actor: Any
    loan: Loan


@dataclass(eq=False, slots=True)
class _Annotator:
    actor: Any
    borrower: Borrower | None = None
    returned: Call | None = None
    asked_at: float = 0.0


class Studio:
    """A pool of annotators behind one queue. A clip waits in the object store only; the workers lend few at a time."""

    def __init__(self, segment: Segment, crew: Crew) -> None:
        self._stages = ray.put(segment.stages)
        self._crew = crew
        self._queue: deque[Borrower] = deque()
        self._asked: dict[Call, _Annotator] = {}
        self._idle: list[_Annotator] = []
        self._ready = False
        self._dead_starts = 0
        self._since = time.monotonic()
        for _ in range(crew.number):
            self._start()

    @property
    def calls(self) -> list[Call]:
        """What may be answered next."""
        return list(self._asked)

    def take(self, borrower: Borrower) -> None:
        """Queue a clip."""
        self._queue.append(borrower)
        self._hand_out()

    def forget(self, actor: Any) -> None:
        """Drop the clips of a supervisor that is gone."""
        self._queue = deque(borrower for borrower in self._queue if borrower.actor is not actor)

    def settle(self) -> None:
        """Pass answers, and news of lost clips, on to the supervisors. Raises FiguregroundError without annotators."""
        answered, _ = ray.wait(self.calls, num_returns=len(self._asked), timeout=0) if self._asked else ([], [])
        for call in answered:
            annotator = self._asked.pop(call)
            try:
                said = ray.get(call, timeout=_LEAVE_S)
            except (RayError, GetTimeoutError) as error:
                self._failed(annotator, error)
                continue
            if isinstance(said, FiguregroundError):
                raise said
            self._back(annotator)
        self._enforce_limits()
        self._hand_out()

    def excuse(self) -> None:
        """The driver was away; the annotators were not."""
        self._since = time.monotonic()
        for annotator in self._asked.values():
            annotator.asked_at = self._since

    def stop(self) -> None:
        """End all annotators; idle ones tear their stages down."""
        with contextlib.suppress(RayError):
            leaving = [annotator.actor.stop.remote() for annotator in self._idle]
            if leaving:
                ray.wait(leaving, num_returns=len(leaving), timeout=_LEAVE_S)
        for annotator in (*self._asked.values(), *self._idle):
            kill(annotator.actor)
        self._asked, self._idle = {}, []

    def _start(self) -> None:
        actor: Any = ray.remote(**self._crew.options())(Annotator)
        annotator = _Annotator(actor.remote(self._stages))
        self._asked[annotator.actor.ready.remote()] = annotator

    def _back(self, annotator: _Annotator) -> None:
        self._ready, self._dead_starts = True, 0
        borrower, annotator.borrower = annotator.borrower, None
        if borrower is not None:
            borrower.actor.give_back.remote(borrower.loan.token, annotator.returned)
            annotator.returned = None
        self._idle.append(annotator)

    def _hand_out(self) -> None:
        while self._idle and self._queue:
            annotator, borrower = self._idle.pop(), self._queue.popleft()
            call, annotator.returned = annotator.actor.work.options(num_returns=2).remote(*borrower.loan.clip)
            annotator.borrower, annotator.asked_at = borrower, time.monotonic()
            self._asked[call] = annotator

    def _failed(self, annotator: _Annotator, error: Exception) -> None:
        borrower, annotator.borrower = annotator.borrower, None
        dead = isinstance(error, RayActorError)
        if dead:
            if borrower is None:
                self._start_failed(error)
            self._start()
        else:
            self._idle.append(annotator)
        if borrower is not None:
            _lose(borrower, SourceReason.CRASHED, f"its annotator was lost: {in_a_line(error)}")

    def _start_failed(self, error: Exception) -> None:
        self._dead_starts += 1
        if self._dead_starts >= max(self._crew.number, self._crew.pool.limits.attempts):
            raise FiguregroundError(f"annotators die before they can begin: {in_a_line(error)}")

    def _enforce_limits(self) -> None:
        now, stall_s = time.monotonic(), self._crew.pool.limits.stall_s
        if not self._ready and now - self._since > self._crew.start_s:
            raise FiguregroundError(self._crew.absence())
        for call, annotator in list(self._asked.items()):
            if annotator.borrower is not None and now - annotator.asked_at > stall_s:
                del self._asked[call]
                kill(annotator.actor)
                self._start()
                _lose(annotator.borrower, SourceReason.STALLED, f"no progress for {stall_s:g} s")


def _lose(borrower: Borrower, reason: SourceReason, why: str) -> None:
    borrower.actor.lose.remote(borrower.loan.token, reason, why)


def kill(actor: Any) -> None:
    """End an actor at once, if it is still there."""
    with contextlib.suppress(RayError, ValueError):
        ray.kill(actor)


def in_a_line(error: BaseException) -> str:
    """An error of Ray's without its advice: what raised in an actor's creation stands last, anything else first."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[-1] if "creation task" in lines[0] else lines[0]
