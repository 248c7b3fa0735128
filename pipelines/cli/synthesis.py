"""The verb `synthesize`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.exits import EXIT_FAILED_ITEMS, EXIT_INTERRUPTED
from pipelines.cli.show import plural, say


def synthesize(
    out: Annotated[Path, typer.Option(help="Folder for the videos and their corpus.")],
    videos: Annotated[int, typer.Option(min=1, help="How many.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal videos; others are held-out splits.")] = 0,
    size: Annotated[int, typer.Option(help="Side of the square picture, px.")] = 512,
    seconds: Annotated[float, typer.Option(help="Length of a video.")] = 4.0,
    fps: Annotated[int, typer.Option(min=1, help="Frames per second.")] = 24,
    most_people: Annotated[int, typer.Option(min=1, max=8, help="People in a video, at most.")] = 2,
    textures: Annotated[Path | None, typer.Option(help="Folder of images or videos for the background.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes; default: one per processor.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON.")] = False,
) -> None:
    """Make videos of puppets before moving scenes, with exact poses, masks and tracks, as files and as a corpus.

    Example: figureground synthesize --out truth --videos 100 --seed 7
    """
    from pipelines.engines.local.engine import LocalEngine, processors
    from pipelines.synthesize import synthesize as make

    try:
        done = make(
            out,
            videos,
            seed,
            size=size,
            seconds=seconds,
            fps=fps,
            people=(1, most_people),
            textures=textures,
            engine=LocalEngine(workers or processors(), threads=1),
            progress=lambda ready, total: say(f"{ready}/{total} videos"),
        )
    except KeyboardInterrupt:
        say("interrupted; what is finished is kept. Run the same command again to go on.")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if as_json:
        tree = {"videos": done.videos, "already_done": done.already_done, "made": done.made, "failed": done.failed}
        print(json.dumps(tree))
    else:
        made = f"{plural(done.made, 'video')} made, {done.already_done} were there"
        print(f"{made}, in {out}; their corpus is {out / 'corpus'}")
    for line in done.failed:
        say(line)
    if done.failed:
        raise typer.Exit(EXIT_FAILED_ITEMS)
