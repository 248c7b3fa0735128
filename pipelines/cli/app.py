"""The command line's entry: verbs, and how errors reach a person."""

from __future__ import annotations

import os
import sys

import typer

from pipelines.cli.annotation import annotate
from pipelines.cli.corpus import check, compact, query, stats
from pipelines.cli.curation import curate
from pipelines.cli.database import duckdb
from pipelines.cli.demo import demo
from pipelines.cli.exits import EXIT_ERROR
from pipelines.cli.export import export
from pipelines.cli.forgetting import forget
from pipelines.cli.rendering import render
from pipelines.cli.show import say
from pipelines.cli.synthesis import synthesize
from pipelines.cli.training import train
from pipelines.cli.view import view
from pipelines.cli.weights import weights
from schemas.errors import FiguregroundError

app = typer.Typer(
    name="figureground",
    help="Raw video to a corpus of poses, person masks and background tracks, on one frame clock.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for verb in (demo, curate, annotate, stats, check, compact, query, duckdb, forget, view, export, synthesize, train, render):
    app.command()(verb)
app.add_typer(weights)


def main() -> None:
    """Run the command line; errors made on purpose are printed without a traceback."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # no matrix of the driver's is worth waking threads for
    try:
        app()
    except FiguregroundError as error:
        say(f"figureground: {error}")
        sys.exit(EXIT_ERROR)
