"""The verb `export`: the corpus in the formats of other tools."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.exits import EXIT_FAILED_ITEMS, EXIT_INTERRUPTED
from pipelines.cli.show import plural, say
from pipelines.cli.ticker import Ticker


class ExportFormat(StrEnum):
    """Formats of other tools."""

    COCO = "coco"
    MOORE = "moore"
    PARQUET = "parquet"
    RERUN = "rerun"
    TAPVID = "tapvid"
    VIDEOFOLDER = "videofolder"
    WEBDATASET = "webdataset"


def export(
    corpus: Annotated[str, typer.Argument(help="Folder of the corpus, or s3://BUCKET/PREFIX.")],
    format_: Annotated[ExportFormat, typer.Option("--format", help="The format; docs/export.md says what each holds.")],
    out: Annotated[Path, typer.Option(help="Folder of the export.")],
    where: Annotated[str, typer.Option(help="Only clips that meet this SQL condition over the table clips.")] = "",
    split: Annotated[str, typer.Option(help="Splits and their shares of the sources.")] = "train=1",
    stride: Annotated[int, typer.Option(min=1, help="coco: every n-th frame.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress display.")] = False,
) -> None:
    """Write kept clips for other tools; running it again does what is left or new.

    Exit code: 0 if every clip was exported, 3 if some could not be read, 130 if it was interrupted.

    Example: figureground export corpus --format coco --out coco --where "person_count = 1" --split train=0.9,test=0.1
    """
    from pipelines.export.base import Settings
    from pipelines.export.run import export as run
    from pipelines.export.splits import Splits

    try:
        with Ticker("clips exported", quiet=quiet) as told:
            done = run(
                corpus,
                out,
                format_.value,
                where=where,
                splits=Splits.parse(split),
                settings=Settings(stride),
                told=told,
            )
    except KeyboardInterrupt:
        say("interrupted; what is finished is kept. Run the same command again to go on.")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if as_json:
        print(json.dumps(done.as_json()))
    else:
        splits = ", ".join(f"{count} in {name}" for name, count in done.splits.items())
        print(f"{plural(done.clips, 'clip')}, {done.written} written now: {splits}. They are in {out}")
    for line in done.failed:
        say(line)
    if done.failed:
        raise typer.Exit(EXIT_FAILED_ITEMS)
