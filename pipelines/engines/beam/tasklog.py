"""What became of a task so far, as records that any attempt at it can go on from."""

from __future__ import annotations

from typing import Any

from pipelines.engines.beam.exchange import Exchange, Record
from pipelines.events import Event, PartDone, StageCount
from pipelines.job import Job


class Overtaken(Exception):
    """Another attempt at the task has written the record this one was about to write."""


class TaskLog:
    """A task's records, one for each part and one for the end.

    A record holds the counts that led to its result, so that a replayed bundle, a speculative copy or the attempt
    after a death delivers both once. Attempts at one task may run at the same time: each record is claimed by one of
    them, and the others go on from there.
    """

    def __init__(self, exchange: Exchange, number: int) -> None:
        self._exchange = exchange
        self.number = number
        self._next = 0
        self._counts: dict[str, StageCount] = {}
        self._results: list[Event] = []
        self.finished = exchange.is_done(number)

    def replay(self, job: Job[Any], task: Any) -> Any:
        """What the records leave of the task."""
        while not self.finished and (record := self._exchange.record(self.number, self._next)) is not None:
            for event in record.events:
                task = job.after(task, event)
            self._next += 1
            self.finished = record.final
        return task

    def put(self, event: Event) -> None:
        """Take an event along; a part that is not the last makes a record. Raises Overtaken."""
        if isinstance(event, StageCount):
            before = self._counts.get(event.stage)
            self._counts[event.stage] = event if before is None else before + event
            return
        self._results.append(event)
        if isinstance(event, PartDone) and event.report is None:
            self._append(final=False)

    def close(self) -> None:
        """The task has its verdict. Raises Overtaken."""
        self._append(final=True)

    def _append(self, *, final: bool) -> None:
        record = Record((*self._counts.values(), *self._results), final)
        if self._exchange.is_done(self.number) or not self._exchange.claim(self.number, self._next, record):
            raise Overtaken
        self._counts, self._results = {}, []
        self._next += 1
