"""What a run shows while it works: a live table, plain lines, JSON lines, or nothing."""

from __future__ import annotations

import json
import time
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pipelines.counts import Counts
from pipelines.events import Event, Notice, Planned
from pipelines.timeleft import TimeLeft, in_words

_LINE_EVERY_S = 10.0


class Mode(StrEnum):
    """How progress is shown."""

    LIVE = "live"
    LINES = "lines"
    JSON = "json"
    QUIET = "quiet"


class Progress:
    """Told every event of a run; shows it on a console. Notices are shown in every mode but quiet."""

    def __init__(self, mode: Mode | None = None, console: Console | None = None) -> None:
        """mode: default, live on a terminal and lines elsewhere. console: default, standard error."""
        self.counts = Counts()
        self._console = console or Console(stderr=True)
        self._mode = mode or (Mode.LIVE if self._console.is_terminal else Mode.LINES)
        self._left = TimeLeft()
        self._started_at = self._line_at = time.monotonic()
        self._live = Live(get_renderable=self.render, console=self._console, refresh_per_second=4)

    def __enter__(self) -> Self:
        if self._mode is Mode.LIVE:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._mode is Mode.LIVE:
            self._live.stop()
        elif self.counts.sources:
            self._print_line()

    def __call__(self, event: Event) -> None:
        """Take an event into account, and show what is due."""
        self.counts.add(event)
        self._left.add(event)
        if isinstance(event, Planned):
            self._started_at = time.monotonic()
        elif isinstance(event, Notice):
            self._print_notice(event.text)
        if self._mode in (Mode.LINES, Mode.JSON) and time.monotonic() - self._line_at > _LINE_EVERY_S:
            self._print_line()

    def render(self) -> Group:
        """The live picture: one row per stage, and where the run stands."""
        table = Table(box=None, header_style="bold", pad_edge=False)
        table.add_column("stage")
        for heading in ("in", "kept", "rejected", "failed", "per min", "busy"):
            table.add_column(heading, justify="right")
        for s in list(self.counts.stages.values()):
            numbers = (s.received, s.kept, s.rejected, s.failed, f"{s.received * 60 / self._elapsed_s:.1f}")
            table.add_row(s.stage, *map(str, numbers), f"{s.busy_s:.0f} s")
        return Group(table, Text(self.line()))

    def line(self) -> str:
        """Where the run stands, in one line."""
        if not self._left.plan.sources and not self.counts.sources:
            return "looking at the inputs"
        counts, elapsed_s = self.counts, self._elapsed_s
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

    @property
    def _elapsed_s(self) -> float:
        return max(time.monotonic() - self._started_at, 1e-3)

    def _print_line(self) -> None:
        self._line_at = time.monotonic()
        if self._mode is Mode.LINES:
            self._console.print(self.line(), highlight=False, markup=False, soft_wrap=True)
        elif self._mode is Mode.JSON:
            left_s = self._left.seconds(self.counts, self._elapsed_s)
            total = {"sources_planned": self._left.plan.sources, "elapsed_s": self._elapsed_s, "time_left_s": left_s}
            self._print_json({"event": "progress"} | total | self.counts.as_dict())

    def _print_notice(self, text: str) -> None:
        if self._mode is Mode.JSON:
            self._print_json({"event": "notice", "text": text})
        elif self._mode is not Mode.QUIET:
            self._console.print(text, style="yellow", highlight=False, markup=False, soft_wrap=True)

    def _print_json(self, tree: dict[str, Any]) -> None:
        self._console.print(json.dumps(tree), highlight=False, markup=False, soft_wrap=True)
