"""For a query that heeds neither its memory limit nor its interrupt: some of DuckDB's functions do not."""

from __future__ import annotations

import os
import resource
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.cli.exits import EXIT_ERROR
from pipelines.cli.show import say

_GRACE_S = 2.0
_MOST_BYTES = 10 * 2**30
"""Memory limit of a query, of its result, and of everything else."""


@contextmanager
def contained(time_limit_s: float) -> Iterator[None]:
    """End this process if it is still inside a moment after the limit; cap its memory meanwhile."""

    def end() -> None:
        say(f"figureground: the query ran longer than {time_limit_s:g} s and could not be interrupted")
        os._exit(EXIT_ERROR)

    before, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = min([_MOST_BYTES, *(limit for limit in (before, hard) if limit != resource.RLIM_INFINITY)])
    watchdog = threading.Timer(time_limit_s + _GRACE_S, end)
    watchdog.daemon = True
    watchdog.start()
    try:
        if sys.platform == "linux":
            resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
        yield
    finally:
        watchdog.cancel()
        resource.setrlimit(resource.RLIMIT_DATA, (before, hard))
