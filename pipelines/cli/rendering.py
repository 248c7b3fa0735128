"""The verb `render`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.show import say
from schemas.errors import GenerationError

_TOLD_EVERY = 30


def render(
    corpus: Annotated[str, typer.Option(help="Folder of the corpus, or s3://BUCKET/PREFIX.")],
    reference: Annotated[str, typer.Option(help="Who and where: a clip, CLIP:FRAME, or an image file.")],
    pose: Annotated[str, typer.Option(help="Clip whose person drives the figure.")],
    background: Annotated[
        str, typer.Option(help="What drives the ground: a clip, or static, pan, zoom, rotate, handheld, or pan:0.5.")
    ] = "static",
    seconds: Annotated[float, typer.Option(help="Length of the video.")] = 4.0,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal videos.")] = 0,
    model: Annotated[str, typer.Option(help="warp (no weights), pocket, or the folder of a saved generator.")] = "warp",
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of the sampler; default: the model's own.")] = None,
    size: Annotated[int | None, typer.Option(min=16, help="Short side, px; default: the model's own.")] = None,
    out: Annotated[Path, typer.Option(help="The MP4 file to write.")] = Path("render.mp4"),
    grid: Annotated[bool, typer.Option("--grid", help="Reference, pose, points and result side by side.")] = False,
) -> None:
    """Render one video: a person, moved by one clip's pose, before ground moved by another's points.

    Example: figureground render --corpus corpus --reference CLIP:12 --pose OTHER --background pan --out dance.mp4
    """
    from pipelines.corpus.read import Corpus

    try:
        from pipelines.render import RenderJob
        from pipelines.render import render as make
    except ModuleNotFoundError as error:
        raise GenerationError(f"rendering needs {error.name}, which is not installed") from error
    who, frame = _reference(reference)
    job = RenderJob(who, pose, background, frame, seconds, seed, size, grid, model, steps)

    def told(done: int, total: int) -> None:
        if done % _TOLD_EVERY == 0 or done == total:
            say(f"{done}/{total} frames rendered")

    print(f"{make(Corpus(corpus), job, out, told)} frames in {out}")


def _reference(text: str) -> tuple[str | Path, int]:
    """An image file, or a clip and a frame of it."""
    if Path(text).is_file():
        return Path(text), 0
    clip, _, frame = text.partition(":")
    if frame and not frame.isdecimal():
        raise GenerationError(
            f"the reference {text!r} should read CLIP, CLIP:FRAME (a number from 0), or name an image file"
        )
    return clip, int(frame or 0)
