"""The command line as a user runs it: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
COMMAND = (sys.executable, "-c", "from pipelines.cli import main; main()")


def figureground(
    *arguments: object, check: bool = False, timeout_s: float = 280, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=REPOSITORY,
        env=os.environ | {"COLUMNS": "120"} | environment,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=check,
    )
