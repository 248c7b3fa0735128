"""The verb `annotate`."""

from __future__ import annotations

import json
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.curation import EngineName
from pipelines.cli.exits import EXIT_FAILED_ITEMS, EXIT_INTERRUPTED
from pipelines.cli.research import ready_weights
from pipelines.cli.show import plural, say


class TableName(StrEnum):
    """Tables an annotator makes rows of."""

    POSES = "poses"
    MASKS = "masks"
    TRACKS = "tracks"


_SECTIONS = {"poses": "pose", "masks": "masks", "tracks": "tracks"}
_NAMES = (
    "Poses: blazepose, openpose, dwpose. Masks: blazepose, selfie, segment_anything, sam2_video. "
    "Tracks: recovering, lucas_kanade, dense_flow, cotracker3."
)


def annotate(
    corpus: Annotated[str, typer.Argument(help="The corpus.")],
    only: Annotated[TableName, typer.Option(help="What to annotate.")],
    with_: Annotated[str, typer.Option("--with", help=_NAMES)],
    prefer: Annotated[bool, typer.Option("--prefer", help="Views and readers show these rows from now on.")] = False,
    engine: Annotated[EngineName, typer.Option(help="Where it runs.")] = EngineName.LOCAL,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes; default: half the processors; on GPUs, one on each.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file over the corpus's configuration.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="key.path=value over the file; repeatable.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON.")] = False,
) -> None:
    """Run one annotator over the stored videos of a corpus; its rows stand beside those that are there.

    Running it again does what is left. Exit code: 0 if every clip is annotated, 3 if some failed.

    Example: figureground annotate corpus --only masks --with segment_anything --set compute.device=cuda
    """
    from pipelines.annotate import annotate as run
    from pipelines.corpus.read import Corpus
    from pipelines.engines.factory import create_engine
    from schemas.config_loading import load_engine_config, overlaid

    settings = (*(set_ or ()), f"{_SECTIONS[only.value]}.annotator={with_}")
    chosen, engines = overlaid(Corpus(corpus).config, config, settings), load_engine_config(config, settings)
    runner = create_engine(engine.value, workers, engines, chosen.limits)
    ready_weights(chosen, engine.value, engines, (only.value,))
    try:
        with closing(runner):
            done = run(corpus, chosen, only.value, runner, lambda n, of: say(f"{n}/{of} clips"), prefer=prefer)
    except KeyboardInterrupt:
        say("interrupted; what is finished is kept. Run the same command again to go on.")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if as_json:
        tree = {"clips": done.clips, "already_done": done.already_done, "made": done.made, "failed": done.failed}
        print(json.dumps(tree))
    else:
        rest = f", {done.already_done} needed nothing more" if done.already_done else ""
        print(f"{only.value} by {with_}: {done.made} of {plural(done.clips, 'kept clip')} annotated{rest}")
    for line in done.failed:
        say(line)
    if done.failed:
        raise typer.Exit(EXIT_FAILED_ITEMS)
