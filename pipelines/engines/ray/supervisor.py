"""The actor on a node: keeps one worker process alive, as the local engine does, and reports what it does."""

from __future__ import annotations

import os
import pickle
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.engines.local.run import Pool, Run
from pipelines.engines.ray.lending import Lent, Returned, Token
from pipelines.events import Event
from schemas.errors import FiguregroundError
from schemas.reasons import SourceReason

ANSWER_S = 5.0
"""A supervisor answers within this time, with or without news."""


@dataclass(frozen=True, slots=True)
class Loan:
    """A clip on its way to a segment. clip: one reference, in a tuple so that Ray does not fetch it for the driver."""

    token: Token
    segment: int
    clip: tuple[Any]


@dataclass(frozen=True, slots=True)
class Step:
    """News from a supervisor. busy: its task is not finished. error: no worker can do the job."""

    events: tuple[Event | Loan, ...]
    busy: bool
    error: FiguregroundError | None = None


class Supervisor:
    """A task's crashes, stalls and hunger end in its worker process; only a lost node or a kill ends the supervisor."""

    def __init__(self, job: bytes, pool: Pool) -> None:
        """job: pickled."""
        self._run: Run[Any] = Run(pickle.loads(job), (), pool)  # noqa: S301
        self._lost: deque[tuple[Token, SourceReason, str]] = deque()

    def ready(self) -> int:
        """Process id, once the actor is there."""
        return os.getpid()

    def advance(self, tasks: Sequence[Any]) -> Step:
        """Take tasks and work until there is news; `busy` asks for another call, without tasks."""
        events: list[Event | Loan] = []
        until = time.monotonic() + ANSWER_S
        try:
            for task in tasks:
                self._run.give(task)
            while self._run.busy and not events and time.monotonic() < until:
                events += map(_stored, self._run.step())
                while self._lost:
                    (pid, _), reason, why = self._lost.popleft()
                    events += map(_stored, self._run.condemn(pid, reason, why))
        except FiguregroundError as error:
            return Step(tuple(events), False, error)
        return Step(tuple(events), self._run.busy)

    def give_back(self, token: Token, returned: Returned) -> None:
        """Pass on what became of a lent clip. Called beside `advance`."""
        self._run.tell((token, returned))

    def lose(self, token: Token, reason: SourceReason, why: str) -> None:
        """A lent clip will never come back: the worker that waits for it is ended. Called beside `advance`."""
        self._lost.append((token, reason, why))

    def stop(self) -> None:
        """End the worker process; an idle one tears its stages down."""
        self._run.stop()


def _stored(event: Event | Lent) -> Event | Loan:
    """A lent clip goes into the object store here, on the node where it was decoded."""
    if not isinstance(event, Lent):
        return event
    import ray

    return Loan(event.token, event.segment, (ray.put(event.clip),))
