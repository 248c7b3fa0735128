"""The verbs `weights list`, `weights fetch` and `weights verify`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from pipelines.cli.exits import EXIT_ERROR
from pipelines.cli.show import say

weights = typer.Typer(name="weights", help="The weight files that the annotators need.", no_args_is_help=True)

_Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


@weights.command("list")
def list_(as_json: _Json = False) -> None:
    """What there is: name, size, licence, purpose, origin.

    Example: figureground weights list
    """
    from models.weights.registry import REGISTRY

    if as_json:
        print(json.dumps([{"name": f.name, "sha256": f.sha256, "licence": f.licence} for f in REGISTRY.values()]))
        return
    for file in REGISTRY.values():
        print(f"{file.name:28} {file.size_bytes / 1e6:5.1f} MB  {file.licence:10}  {file.purpose}; {file.origin}")


@weights.command()
def fetch(names: Annotated[list[str] | None, typer.Argument(help="Default: all.")] = None) -> None:
    """Put weight files into the cache; what is there already is not fetched again.

    Example: figureground weights fetch
    """
    from models.weights.store import fetch as fetch_files

    for path in fetch_files(names or None, lambda name, done, total: say(f"{done}/{total} {name}")):
        print(path)


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
