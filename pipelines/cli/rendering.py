"""The verb `render`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.show import say
from schemas.errors import GenerationError

_TOLD_EVERY = 30


def render(
    corpus: Annotated[Path, typer.Option(help="Folder of the corpus.")],
    reference: Annotated[str, typer.Option(help="Clip that shows the person and the place; CLIP or CLIP:FRAME.")],
    pose: Annotated[str, typer.Option(help="Clip whose person drives the figure.")],
    background: Annotated[
        str, typer.Option(help="What drives the ground: a clip, or static, pan, zoom, rotate, handheld.")
    ] = "static",
    seconds: Annotated[float, typer.Option(help="Length of the video.")] = 4.0,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal videos.")] = 0,
    model: Annotated[str, typer.Option(help="The renderer: warp.")] = "warp",
    size: Annotated[int, typer.Option(min=64, help="Short side of the picture, px.")] = 512,
    out: Annotated[Path, typer.Option(help="The MP4 file to write.")] = Path("render.mp4"),
    grid: Annotated[bool, typer.Option("--grid", help="Reference, pose, points and result side by side.")] = False,
) -> None:
    """Render one video: a person of the corpus, moved by one clip's pose, before ground moved by another's points.

    Example: figureground render --corpus corpus --reference CLIP:12 --pose OTHER --background pan --out dance.mp4
    """
    from pipelines.corpus.read import Corpus

    if model != "warp":
        raise GenerationError(f"unknown model {model!r}; this verb renders with: warp")
    try:
        from pipelines.render import RenderJob
        from pipelines.render import render as make
    except ModuleNotFoundError as error:
        raise GenerationError(f"rendering needs {error.name}, which is not installed") from error
    clip, frame = _clip_and_frame(reference)
    job = RenderJob(clip, pose, background, frame, seconds, seed, size, grid)

    def told(done: int, total: int) -> None:
        if done % _TOLD_EVERY == 0 or done == total:
            say(f"{done}/{total} frames rendered")

    print(f"{make(Corpus(corpus), job, out, told)} frames in {out}")


def _clip_and_frame(reference: str) -> tuple[str, int]:
    clip, _, frame = reference.partition(":")
    if frame and not frame.isdecimal():
        raise GenerationError(f"the reference {reference!r} should read CLIP or CLIP:FRAME, frame a number from 0")
    return clip, int(frame or 0)
