"""The driver's side: records become events, each once."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.engines.beam.exchange import Beat, Exchange
from pipelines.events import Event, Position


class Harvest:
    """Takes records in the order of their task; what was taken before, or comes after the end, is not taken again."""

    def __init__(self, exchange: Exchange, tasks: int) -> None:
        self._exchange = exchange
        self._tasks = tasks
        self._done: set[int] = set()
        self._next: dict[int, int] = {}
        self._beats: dict[str, Beat] = {}
        self.records = 0

    @property
    def complete(self) -> bool:
        """Every task has its verdict."""
        return len(self._done) == self._tasks

    def events(self) -> Iterator[Event]:
        """What has come since the last call. Raises FiguregroundError if the run is broken."""
        yield from self._exchange.take_notes()
        for task, k in self._exchange.records():
            yield from self._take(task, k)
        error = self._exchange.broken()
        if error is not None:
            raise error

    def signs_of_life(self) -> Iterator[Position | None]:
        """One for each new beat of a worker: how far its task has come, if that is news."""
        for worker, beat in self._exchange.beats().items():
            if self._beats.get(worker) != beat:
                self._beats[worker] = beat
                yield None if beat.task in self._done else beat.position

    def _take(self, task: int, k: int) -> Iterator[Event]:
        if task in self._done:
            self._exchange.drop(task, k)
            return
        if k != self._next.get(task, 0):  # taken already, or listed before the one that goes before it
            return
        record = self._exchange.record(task, k)
        if record is None:
            return
        self._next[task] = k + 1
        self.records += 1
        yield from record.events
        if record.final:
            self._done.add(task)
            del self._next[task]
            self._exchange.mark_done(task, k + 1)
