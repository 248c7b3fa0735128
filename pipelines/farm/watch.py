"""What a batch shows while it is rendered: a live table, plain lines, JSON lines, or nothing."""

from __future__ import annotations

import json
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from pipelines.farm.orders import News, VideoDone, VideoFailed
from pipelines.farm.pool import Notice
from pipelines.farm.tally import Tally
from pipelines.progress import Mode
from pipelines.timeleft import in_words

if TYPE_CHECKING:
    from rich.console import Group

_LINE_EVERY_S = 10.0
_MOST_ROWS = 12


class Watch:
    """Told where a batch stands, and every event; shows it on a stream."""

    def __init__(self, mode: Mode | None = None, stream: TextIO | None = None) -> None:
        """mode: default, live on a terminal and lines elsewhere. stream: default, standard error."""
        self._stream = stream or sys.stderr
        self._mode = mode or (Mode.LIVE if self._stream.isatty() else Mode.LINES)
        self._tally: Tally | None = None
        self._line_at = time.monotonic()

    def __enter__(self) -> Self:
        if self._mode is Mode.LIVE:
            from rich.console import Console
            from rich.live import Live

            self._console = Console(file=self._stream, force_terminal=True)
            self._live = Live(get_renderable=self._picture, console=self._console, refresh_per_second=4)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._mode is Mode.LIVE:
            self._live.stop()

    def __call__(self, tally: Tally, event: News | Notice | None) -> None:
        """Show what is due."""
        self._tally = tally
        if self._mode is Mode.JSON:
            self._as_json(event)
        elif isinstance(event, Notice):
            self._say(event)
        elif isinstance(event, VideoFailed):
            self._say(f"{event.job_id} failed ({event.reason}): {event.detail}")
        if self._mode in (Mode.LINES, Mode.JSON) and time.monotonic() - self._line_at > _LINE_EVERY_S:
            self._line_at = time.monotonic()
            progress = json.dumps({"event": "progress"} | tally.as_dict())
            self._print(line(tally) if self._mode is Mode.LINES else progress)

    def _as_json(self, event: News | Notice | None) -> None:
        if isinstance(event, Notice):
            self._print(json.dumps({"event": "notice", "text": event}))
        elif isinstance(event, VideoDone):
            self._print(json.dumps({"event": "video", "job_id": event.job_id, "verdict": "done"}))
        elif isinstance(event, VideoFailed):
            told = {"job_id": event.job_id, "verdict": "failed", "reason": event.reason, "detail": event.detail}
            self._print(json.dumps({"event": "video"} | told))

    def _say(self, text: str) -> None:
        if self._mode is Mode.LIVE:
            self._console.print(text, style="yellow", highlight=False, markup=False, soft_wrap=True)
        elif self._mode is Mode.LINES:
            self._print(text)

    def _print(self, text: str) -> None:
        print(text, file=self._stream, flush=True)

    def _picture(self) -> Group:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, header_style="bold", pad_edge=False)
        for heading in ("video", "clips", "of"):
            table.add_column(heading, justify="left" if heading == "video" else "right")
        running = dict(self._tally.running) if self._tally else {}
        for job_id, (made, clips) in list(running.items())[:_MOST_ROWS]:
            table.add_row(job_id, str(made), str(clips))
        if len(running) > _MOST_ROWS:
            table.add_row(f"and {len(running) - _MOST_ROWS} more", "", "")
        return Group(table, Text(line(self._tally) if self._tally else "reading the jobs"))


def line(tally: Tally) -> str:
    """Where a batch stands, in one line."""
    parts = [f"{tally.earlier + tally.done}/{tally.jobs} videos done"]
    if tally.failed:
        parts.append(f"{tally.failed} failed ({', '.join(f'{n} {why}' for why, n in tally.reasons.items())})")
    if not tally.clips and not tally.workers and tally.left:
        return ", ".join([*parts, "loading the model"])
    parts.append(f"{tally.clips / tally.elapsed_s:.2f} clips and {tally.frames / tally.elapsed_s:.1f} frames a second")
    if tally.busy is not None:
        parts.append(f"models busy {tally.busy:.0%} of the time")
    parts.append(f"{tally.workers} worker{'' if tally.workers == 1 else 's'}")
    if tally.left:
        parts.append(in_words(tally.left_s))
    return ", ".join(parts)
