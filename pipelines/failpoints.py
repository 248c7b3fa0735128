"""Places at which a test may kill this process, to prove that the next run recovers.

`FIGUREGROUND_FAILPOINT=<name>` makes the process die by SIGKILL where that name is reached; with
`FIGUREGROUND_FAILPOINT_ONCE=<file>` only the first one that comes there, of all processes that see the file.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

VARIABLE = "FIGUREGROUND_FAILPOINT"
ONCE_VARIABLE = "FIGUREGROUND_FAILPOINT_ONCE"


def failpoint(name: str) -> None:
    """Die here, as if the machine had, if the environment asks for this place."""
    if os.environ.get(VARIABLE) == name and _first():
        os.kill(os.getpid(), signal.SIGKILL)


def _first() -> bool:
    marker = os.environ.get(ONCE_VARIABLE)
    if marker is None:
        return True
    try:
        Path(marker).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
