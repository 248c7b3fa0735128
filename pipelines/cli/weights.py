"""The verbs `weights list`, `weights fetch` and `weights verify`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.exits import EXIT_ERROR
from pipelines.cli.show import say

weights = typer.Typer(name="weights", help="The weight files that the annotators need.", no_args_is_help=True)

_TOLD_BYTES = 64 * 2**20
_Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


@weights.command("list")
def list_(as_json: _Json = False) -> None:
    """What there is: name, size, licence, purpose, origin.

    Example: figureground weights list
    """
    from models.weights.registry import registered

    files = registered().values()
    if as_json:
        print(json.dumps([{"name": f.name, "sha256": f.sha256, "licence": f.licence} for f in files]))
        return
    for file in files:
        size = "      ?" if file.size_bytes is None else f"{file.size_bytes / 1e6:7.1f}"
        print(f"{file.name:28} {size} MB  {file.licence:24} {file.purpose}; {file.origin}")


@weights.command()
def fetch(
    names: Annotated[list[str] | None, typer.Argument(help="Default: those the default configuration needs.")] = None,
) -> None:
    """Put weight files into the cache; what is there already is not fetched again, what was cut off goes on.

    Example: figureground weights fetch sam_vit_b
    """
    from models.weights.licences import first_use_notices

    for notice in first_use_notices(names or ()):
        say(notice)
    for path in fetch_told(names or None):
        print(path)


def fetch_told(names: Iterable[str] | None = None) -> list[Path]:
    """As `models.weights.fetch`, with its progress said."""
    from models.weights.store import fetch as fetch_files

    return fetch_files(names, lambda name, done, total: say(f"{done}/{total} {name}"), _Arrivals())


class _Arrivals:
    """Says every `_TOLD_BYTES` how much of a file has arrived."""

    def __init__(self) -> None:
        self._told = 0

    def __call__(self, name: str, arrived: int, total: int | None) -> None:
        if arrived // _TOLD_BYTES != self._told:
            self._told = arrived // _TOLD_BYTES
            say(f"{name}: {arrived / 1e6:.0f} MB" + ("" if total is None else f" of {total / 1e6:.0f} MB"))


@weights.command()
def verify(as_json: _Json = False) -> None:
    """Compute the digest of every cached file anew. Exit code 1 if one is wrong.

    Example: figureground weights verify
    """
    from models.weights.store import WeightState
    from models.weights.store import verify as verify_files

    states = verify_files()
    if as_json:
        print(json.dumps({name: state.value for name, state in states}))
    else:
        for name, state in states:
            print(f"{state.value:9} {name}")
    if any(state is WeightState.MISMATCH for _, state in states):
        raise typer.Exit(EXIT_ERROR)
