"""The worker's outgoing events, few and in order."""

from __future__ import annotations

import time
from multiprocessing.connection import Connection

from pipelines.engines.local.wire import TaskDone
from pipelines.events import Event, PartDone, Position, StageCount

_SEND_EVERY_S = 0.2


class Outbox:
    """Sums counts up and sends them a few times a second; a part goes at once, the last one with the task's end."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._counts: dict[str, StageCount] = {}
        self._position: Position | None = None
        self._results: list[Event] = []
        self._sent_at = time.monotonic()

    def put(self, event: Event) -> None:
        """Take an event along. Blocks while the driver does not read."""
        if isinstance(event, StageCount):
            before = self._counts.get(event.stage)
            self._counts[event.stage] = event if before is None else before + event
        elif isinstance(event, Position):
            if self._position is None or event.reached_s > self._position.reached_s:
                self._position = event
        else:
            self._results.append(event)
        if isinstance(event, StageCount | Position):
            due = time.monotonic() - self._sent_at > _SEND_EVERY_S
        else:
            due = isinstance(event, PartDone) and event.report is None
        if due:
            self._send()

    def finish(self, peak_rss_bytes: int) -> None:
        """Send the rest and the end of the task in one message: the driver gets both or neither."""
        self._send(TaskDone(peak_rss_bytes))

    def _send(self, *last: TaskDone) -> None:
        positions = [] if self._position is None else [self._position]
        self._pipe.send([*self._counts.values(), *positions, *self._results, *last])
        self._counts, self._position, self._results = {}, None, []
        self._sent_at = time.monotonic()
