"""The annotators of one segment as the driver sees them: clips in, answers out, deaths told."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayActorError, RayError

from pipelines.engines.local.attempt import Lives
from pipelines.engines.ray.annotator import Annotator
from pipelines.engines.ray.crew import Crew
from pipelines.engines.ray.segments import Segment
from pipelines.engines.ray.supervisor import Loan
from pipelines.events import Notice, Waiting
from schemas.errors import FiguregroundError
from schemas.reasons import SourceReason

Call = ray.ObjectRef[Any]
_LEAVE_S = 15.0


@dataclass(eq=False, slots=True)
class Borrower:
    """A loan, whose it is (the supervisor's actor), and what it has cost in annotators."""

    actor: Any
    loan: Loan
    lives: Lives = field(default_factory=Lives)


@dataclass(eq=False, slots=True)
class _Annotator:
    """held: the question how much memory it holds, if it was asked."""

    actor: Any
    borrower: Borrower | None = None
    returned: Call | None = None
    asked_at: float = 0.0
    held: Call | None = None


class Studio:
    """A pool of annotators behind one queue. A clip waits in the object store only; the workers lend few at a time."""

    def __init__(self, segment: Segment, crew: Crew) -> None:
        self._stages = ray.put(segment.stages)
        self._crew = crew
        self._queue: deque[Borrower] = deque()
        self._told = 0
        self._asked: dict[Call, _Annotator] = {}
        self._idle: list[_Annotator] = []
        self._living: set[Any] = set()
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

    def queue_news(self) -> Iterator[Waiting]:
        """How many clips wait, if that has changed."""
        if len(self._queue) != self._told:
            self._told = len(self._queue)
            yield Waiting(self._crew.names[0], self._told)

    def forget(self, actor: Any) -> None:
        """Drop the clips of a supervisor that is gone."""
        self._queue = deque(borrower for borrower in self._queue if borrower.actor is not actor)

    def settle(self) -> Iterator[Notice]:
        """Pass answers, and news of lost clips, on to the supervisors. Raises FiguregroundError without annotators."""
        answered, _ = ray.wait(self.calls, num_returns=len(self._asked), timeout=0) if self._asked else ([], [])
        for call in answered:
            annotator = self._asked.pop(call)
            try:
                said = ray.get(call, timeout=_LEAVE_S)
            except (RayError, GetTimeoutError) as error:
                yield from self._failed(annotator, error)
                continue
            if isinstance(said, FiguregroundError):
                raise said
            self._back(annotator)
        yield from self._enforce_limits()
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
        for actor in self._living:
            kill(actor)
        self._asked, self._idle, self._living = {}, [], set()

    def _start(self) -> None:
        options = self._crew.options() | {"max_concurrency": 2}  # it tells its memory while it works
        actor: Any = ray.remote(**options)(Annotator)
        annotator = _Annotator(actor.remote(self._stages))
        self._living.add(annotator.actor)
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

    def _failed(self, annotator: _Annotator, error: Exception) -> Iterator[Notice]:
        borrower, annotator.borrower = annotator.borrower, None
        if isinstance(error, RayActorError):
            self._living.discard(annotator.actor)
            if borrower is None:
                self._start_failed(error)
            self._start()
        else:
            self._idle.append(annotator)
        if borrower is not None:
            yield self._lost(borrower, SourceReason.CRASHED, in_a_line(error))

    def _lost(self, borrower: Borrower, reason: SourceReason, why: str) -> Notice:
        """Lend the clip to another annotator, unless it has cost too many: its source is blameless until then."""
        if borrower.lives.lose(reason, self._crew.pool.limits.attempts):
            self._queue.appendleft(borrower)
            return Notice(f"{' + '.join(self._crew.names)}: an annotator was lost; its clip is tried again. {why}")
        why = f"its annotator had to be replaced {borrower.lives}, last: {why}"
        borrower.actor.lose.remote(borrower.loan.token, reason, why)
        return Notice(f"{' + '.join(self._crew.names)}: a clip is given up: {why}")

    def _start_failed(self, error: Exception) -> None:
        self._dead_starts += 1
        if self._dead_starts >= max(self._crew.number, self._crew.pool.limits.attempts):
            raise FiguregroundError(f"annotators die before they can begin: {in_a_line(error)}")

    def _enforce_limits(self) -> Iterator[Notice]:
        now, limits, most_bytes = time.monotonic(), self._crew.pool.limits, self._crew.pool.memory_bytes
        if not self._ready and now - self._since > self._crew.start_s:
            raise FiguregroundError(self._crew.absence())
        for annotator in [annotator for annotator in self._asked.values() if annotator.borrower is not None]:
            if now - annotator.asked_at > limits.stall_s:
                yield self._end(annotator, SourceReason.STALLED, f"no progress for {limits.stall_s:g} s")
            elif _held_bytes(annotator) > most_bytes:
                why = f"needed more than {most_bytes // 2**20} MiB of memory"
                yield self._end(annotator, SourceReason.CRASHED, why)

    def _end(self, annotator: _Annotator, reason: SourceReason, why: str) -> Notice:
        self._asked = {call: other for call, other in self._asked.items() if other is not annotator}
        self._living.discard(annotator.actor)
        kill(annotator.actor)
        self._start()
        assert annotator.borrower is not None
        return self._lost(annotator.borrower, reason, why)


def _held_bytes(annotator: _Annotator) -> int:
    """What an annotator said last of its memory; asks again. 0 while it has not answered, or will not."""
    held = 0
    if annotator.held is not None:
        answered, _ = ray.wait([annotator.held], timeout=0)
        if not answered:
            return 0
        with contextlib.suppress(RayError, GetTimeoutError):
            held = ray.get(annotator.held, timeout=_LEAVE_S)
    annotator.held = annotator.actor.held_bytes.remote()
    return held


def kill(actor: Any) -> None:
    """End an actor at once, if it is still there."""
    with contextlib.suppress(RayError, ValueError):
        ray.kill(actor)


def in_a_line(error: BaseException) -> str:
    """An error of Ray's without its advice: what raised in an actor's creation stands last, anything else first."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[-1] if "creation task" in lines[0] else lines[0]
