"""For a query that heeds neither its memory limit nor its interrupt: some of DuckDB's functions do not."""

from __future__ import annotations

import os
import resource
import sys
import threading

from pipelines.cli.exits import EXIT_ERROR
from pipelines.cli.show import say

_GRACE_S = 2.0
_MOST_BYTES = 10 * 2**30
"""Memory limit of a query, of its result, and of everything else."""


def contain(time_limit_s: float) -> None:
    """End this process if it is still there a moment after the limit; cap its memory, for the rest of its life."""
    if sys.platform == "linux":
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        most = _MOST_BYTES if hard == resource.RLIM_INFINITY else min(_MOST_BYTES, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))

    def end() -> None:
        say(f"figureground: the query ran longer than {time_limit_s:g} s and could not be interrupted")
        os._exit(EXIT_ERROR)

    watchdog = threading.Timer(time_limit_s + _GRACE_S, end)
    watchdog.daemon = True
    watchdog.start()
