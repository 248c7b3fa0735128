"""How the command line speaks to a person."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType


def say(text: str) -> None:
    """A line for the person at the terminal; results go to standard output, this does not."""
    sys.stderr.write(f"{text}\n")


def plural(number: int, noun: str) -> str:
    """`1 clip`, `2 clips`: the noun is given in the singular."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def show(table: RenderableType, out: Path | None = None) -> None:
    """A result for reading, on standard output or in a file; never cut to the width of a pipe."""
    from rich.console import Console

    if out is not None:
        with out.open("w") as file:
            Console(file=file, width=400).print(table)
        return
    Console(width=None if sys.stdout.isatty() else 400).print(table)
