"""The live picture of a run on a terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from pipelines.progress import Progress


class LivePicture:
    """One row per stage and where the run stands, redrawn in place; notices scroll by above."""

    def __init__(self, progress: Progress, stream: TextIO) -> None:
        self._console = Console(file=stream, force_terminal=True)
        render: Callable[[], Group] = lambda: picture(progress)  # noqa: E731
        self._live = Live(get_renderable=render, console=self._console, refresh_per_second=4)
        self._live.start()

    def print(self, text: str) -> None:
        """A notice."""
        self._console.print(text, style="yellow", highlight=False, markup=False, soft_wrap=True)

    def stop(self) -> None:
        """Leave the last picture standing."""
        self._live.stop()


def picture(progress: Progress) -> Group:
    """A table of the stages, and a line."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("stage")
    for heading in ("waiting", "in", "kept", "rejected", "failed", "per min", "busy"):
        table.add_column(heading, justify="right")
    waiting = progress.waiting()
    for s in list(progress.counts.stages.values()):
        numbers = (s.received, s.kept, s.rejected, s.failed, f"{s.received * 60 / progress.elapsed_s:.1f}")
        table.add_row(s.stage, str(waiting.get(s.stage, "")), *map(str, numbers), f"{s.busy_s:.0f} s")
    return Group(table, Text(progress.line()))
