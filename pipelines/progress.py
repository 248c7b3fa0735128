"""What a run shows while it works: a live table, plain lines, JSON lines, or nothing."""

from __future__ import annotations

import json
import sys
import time
from enum import StrEnum
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from pipelines.counts import Counts
from pipelines.events import LOOKING, Event, Notice, Planned
from pipelines.timeleft import TimeLeft, in_words

if TYPE_CHECKING:
    from pipelines.live import LivePicture

_LINE_EVERY_S = 10.0


class Mode(StrEnum):
    """How progress is shown."""

    LIVE = "live"
    LINES = "lines"
    JSON = "json"
    QUIET = "quiet"


class Progress:
    """Told every event of a run; shows it on a stream. Notices are shown in every mode but quiet."""

    def __init__(self, mode: Mode | None = None, stream: TextIO | None = None) -> None:
        """mode: default, live on a terminal and lines elsewhere. stream: default, standard error."""
        self.counts = Counts()
        self._stream = stream or sys.stderr
        self._mode = mode or (Mode.LIVE if self._stream.isatty() else Mode.LINES)
        self._left = TimeLeft()
        self._started_at = self._line_at = time.monotonic()
        self._picture: LivePicture | None = None

    def __enter__(self) -> Self:
        if self._mode is Mode.LIVE:
            from pipelines.live import LivePicture

            self._picture = LivePicture(self, self._stream)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._picture:
            self._picture.stop()
        elif self.counts.sources:
            self._print_line()

    def __call__(self, event: Event) -> None:
        """Take an event into account, and show what is due."""
        self.counts.add(event)
        self._left.add(event)
        if isinstance(event, Planned) and not self.counts.sources:
            self._started_at = time.monotonic()
        elif isinstance(event, Notice):
            self._print_notice(event.text)
        if self._mode in (Mode.LINES, Mode.JSON) and time.monotonic() - self._line_at > _LINE_EVERY_S:
            self._print_line()

    def line(self) -> str:
        """Where the run stands, in one line."""
        if not self._left.plan.sources and not self.counts.sources:
            return "looking at the inputs"
        counts, elapsed_s = self.counts, self.elapsed_s
        parts = [
            f"{counts.sources}/{max(self._left.plan.sources, counts.sources)} sources",
            f"{counts.seconds_reached:.0f} s of video ({counts.seconds_reached / elapsed_s:.2f} x real time)",
            f"{counts.kept_clips} of {counts.clips} clips kept",
        ]
        if failed := counts.verdicts["failed"]:
            parts.append(f"{failed} failed")
        if counts.sources < self._left.plan.sources:
            parts.append(in_words(self._left.seconds(counts, elapsed_s)))
        return ", ".join(parts)

    def waiting(self) -> dict[str, int]:
        """Items that stand before a stage now: sources before the first, clips where workers share annotators."""
        begun = self.counts.sources + len(self.counts.reached_s)
        first = next((stage for stage in self.counts.stages if stage not in LOOKING), "decode")
        return {first: max(self._left.plan.sources - begun, 0)} | self.counts.waiting

    @property
    def elapsed_s(self) -> float:
        """Seconds since the work was planned; never 0."""
        return max(time.monotonic() - self._started_at, 1e-3)

    def _print_line(self) -> None:
        self._line_at = time.monotonic()
        if self._mode is Mode.LINES:
            self._print(self.line())
        elif self._mode is Mode.JSON:
            left_s = self._left.seconds(self.counts, self.elapsed_s)
            total = {"sources_planned": self._left.plan.sources, "elapsed_s": self.elapsed_s, "time_left_s": left_s}
            counted = total | self.counts.as_dict() | {"waiting": self.waiting()}
            self._print(json.dumps({"event": "progress"} | counted))

    def _print_notice(self, text: str) -> None:
        if self._picture:
            self._picture.print(text)
        elif self._mode is Mode.JSON:
            self._print(json.dumps({"event": "notice", "text": text}))
        elif self._mode is Mode.LINES:
            self._print(text)

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)
