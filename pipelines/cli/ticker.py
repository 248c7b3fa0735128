"""How far a simple job has come: a line that is written over on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

_TERMINAL_EVERY_S = 0.2
_PIPE_EVERY_S = 10.0


class Ticker:
    """Called with what is done and what there is; says it on standard error. what: plural, with a verb."""

    def __init__(self, what: str, *, quiet: bool = False) -> None:
        self._what, self._quiet = what, quiet
        self._terminal = sys.stderr.isatty()
        self._said_at = time.monotonic() if not self._terminal else 0.0
        self._open_line = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._open_line:
            sys.stderr.write("\n")

    def __call__(self, done: int, total: int) -> None:
        """Say it if it is time; the last step always is."""
        due = time.monotonic() - self._said_at > (_TERMINAL_EVERY_S if self._terminal else _PIPE_EVERY_S)
        if self._quiet or not (due or done == total):
            return
        self._said_at = time.monotonic()
        line = f"{done}/{total} {self._what}"
        sys.stderr.write(f"\r{line}\x1b[K" if self._terminal else f"{line}\n")
        sys.stderr.flush()
        self._open_line = self._terminal
