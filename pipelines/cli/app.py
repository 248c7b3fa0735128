"""The command line's entry: verbs, and how errors reach a person."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from pipelines.cli.annotation import annotate
from pipelines.cli.corpus import check, compact, query, stats
from pipelines.cli.curation import curate
from pipelines.cli.database import duckdb
from pipelines.cli.demo import demo
from pipelines.cli.evaluation import evaluate
from pipelines.cli.evaluation_of_annotators import evaluate_annotators
from pipelines.cli.exits import EXIT_ERROR, EXIT_INTERRUPTED
from pipelines.cli.export import export
from pipelines.cli.forgetting import forget
from pipelines.cli.planning import plan
from pipelines.cli.rendering import render
from pipelines.cli.show import say
from pipelines.cli.status import status
from pipelines.cli.synthesis import synthesize
from pipelines.cli.training import train
from pipelines.cli.view import view
from pipelines.cli.weights import weights
from schemas.errors import FiguregroundError
from schemas.extras import extras_of, needs

app = typer.Typer(
    name="figureground",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for verb in (
    demo,
    curate,
    annotate,
    evaluate_annotators,
    stats,
    check,
    compact,
    query,
    duckdb,
    forget,
    view,
    export,
    synthesize,
    train,
    plan,
    render,
    status,
    evaluate,
):
    app.command()(verb)
app.add_typer(weights)


@app.callback()
def options(debug: Annotated[bool, typer.Option("--debug", help="Show where an error comes from.")] = False) -> None:
    """Raw video to a corpus of poses, person masks and background tracks, on one frame clock."""


def main() -> None:
    """Run the command line; errors are printed without a traceback, unless `--debug` is among the words."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # no matrix of the driver's is worth waking threads for
    words = sys.argv[1:]
    debug = "--debug" in words
    try:
        app([word for word in words if word != "--debug"])
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:  # whoever read us has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_ERROR)
    except Exception as error:
        if debug:
            raise
        say(f"figureground: {_in_words(error)}")
        sys.exit(EXIT_ERROR)


def _in_words(error: Exception) -> str:
    if isinstance(error, FiguregroundError):
        return str(error)
    if isinstance(error, ModuleNotFoundError) and extras_of(error.name or ""):
        return needs("this command", error.name)
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return f"{type(error).__name__}: {error}; run it again with --debug to see where this comes from"
