"""Places at which a test may kill this process, to prove that the next run recovers.

`FIGUREGROUND_FAILPOINT=<name>` makes the process die by SIGKILL where that name is reached.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "FIGUREGROUND_FAILPOINT"


def failpoint(name: str) -> None:
    """Die here, as if the machine had, if the environment asks for this place."""
    if os.environ.get(VARIABLE) == name:
        os.kill(os.getpid(), signal.SIGKILL)
