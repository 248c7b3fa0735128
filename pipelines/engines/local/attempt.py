"""A task on its way through workers that may die."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from pipelines.events import SETTLING, Event, StageCount
from pipelines.job import Job
from schemas.reasons import SourceReason

T = TypeVar("T")
_STALLS = 2
"""Stalls before a task is given up: each costs the whole time limit, so fewer than deaths."""


class Lives:
    """What an item has cost in workers."""

    def __init__(self) -> None:
        self._deaths = 0
        self._stalls = 0

    def lose(self, reason: SourceReason, most_deaths: int) -> bool:
        """Count a death, and say whether the item may have another worker."""
        self._deaths += 1
        self._stalls += reason is SourceReason.STALLED
        return self._deaths < most_deaths and self._stalls < _STALLS

    def __str__(self) -> str:
        return "once" if self._deaths == 1 else f"{self._deaths} times"


class Attempt(Generic[T]):
    """What is left of a task, what it has cost in workers, and counts that are not settled by a result."""

    def __init__(self, job: Job[T], task: T) -> None:
        self._job = job
        self.task = task
        self.label = job.label(task)
        self._lives = Lives()
        self._unsettled: list[StageCount] = []

    def note(self, event: Event) -> None:
        """Remember what an event means for another attempt."""
        if isinstance(event, StageCount):
            self._unsettled.append(event)
        elif isinstance(event, SETTLING):
            self._unsettled.clear()
            self.task = self._job.after(self.task, event)

    def taken_back(self) -> Iterator[StageCount]:
        """Counts that undo those whose results died with the worker."""
        for count in self._unsettled:
            yield count.taken_back()
        self._unsettled.clear()

    def may_try_again(self, reason: SourceReason, most_deaths: int) -> bool:
        """Count a death, and say whether the task may have another worker."""
        return self._lives.lose(reason, most_deaths)

    def give_up(self, reason: SourceReason, why: str) -> Iterator[Event]:
        """The task's verdict: failed."""
        yield from self._job.give_up(self.task, reason, f"its worker had to be replaced {self._lives}, last: {why}")
