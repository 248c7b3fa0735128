"""The verb `view`: look at a corpus."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.exits import EXIT_FAILED_ITEMS, EXIT_INTERRUPTED
from pipelines.cli.show import plural, say
from pipelines.cli.ticker import Ticker


def view(
    corpus: Annotated[str, typer.Argument(help="Folder of the corpus, or s3://BUCKET/PREFIX.")],
    clips: Annotated[list[str] | None, typer.Argument(help="Only overlay videos of these clips.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the site.")] = Path("view"),
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that draw; default: one a processor.")] = None,
) -> None:
    """Write a site to look at: funnel, scores with their thresholds, every clip with its annotations, reject reasons.

    Open index.html in a browser; no server is needed. Running it again draws only what is new.

    Example: figureground view corpus --out view
    """
    try:
        with Ticker("clips drawn") as told:
            failed = _site(corpus, out, workers, told) if not clips else _overlays(corpus, out, clips, told)
    except KeyboardInterrupt:
        say("interrupted; what is drawn is kept. Run the same command again to go on.")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if failed:
        raise typer.Exit(EXIT_FAILED_ITEMS)


def _site(corpus: str, out: Path, workers: int | None, told: Ticker) -> bool:
    from pipelines.corpus.read import Corpus
    from pipelines.engines.local import LocalEngine
    from pipelines.gallery.site import write_site

    with closing(LocalEngine(workers, threads=1)) as engine:
        site = write_site(Corpus(corpus), out, told, engine=engine)
    for line in site.failed:
        say(line)
    print(f"{plural(site.clips, 'clip')}, {site.drawn} drawn now. Open {site.index}")
    if site.sheet is not None:
        print(f"All in one picture: {site.sheet}")
    return bool(site.failed)


def _overlays(corpus: str, out: Path, clips: list[str], told: Ticker) -> bool:
    from pipelines.corpus.read import Corpus
    from pipelines.view import view as write_views

    views = write_views(Corpus(corpus), out, clips, told)
    print(f"{plural(len(views.videos), 'overlay video')} in {out}, all in one picture: {views.sheet}")
    return False
