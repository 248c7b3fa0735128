"""The verb `view`: look at the annotations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.show import say


def view(
    corpus: Annotated[Path, typer.Argument(help="Folder of the corpus.")],
    clips: Annotated[list[str] | None, typer.Argument(help="Clip ids; default: all kept clips.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("view"),
) -> None:
    """Write an overlay video per clip (skeleton, mask, background points with trails) and a contact sheet.

    Example: figureground view corpus --out view
    """
    from pipelines.corpus.read import Corpus
    from pipelines.view import view as write_views

    views = write_views(Corpus(corpus), out, clips or (), lambda done, total: say(f"{done}/{total} clips drawn"))
    if views.sheet is None:
        say(f"no clip was kept, so there is nothing to show; see: figureground stats {corpus}")
        return
    print(f"{len(views.videos)} overlay videos in {out}, all in one picture: {views.sheet}")
