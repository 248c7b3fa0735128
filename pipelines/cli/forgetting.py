"""The verb that removes sources from a corpus for good: `forget`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from pipelines.cli.exits import EXIT_ERROR
from pipelines.cli.show import plural


def forget(
    corpus: Annotated[str, typer.Argument(help="Folder of the corpus, or s3://BUCKET/PREFIX.")],
    sources: Annotated[list[str], typer.Argument(help="Addresses, paths, source ids or SHA-256 digests.")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Remove every row, file and byte of a source, old versions included, and search for what may be left.

    Files that were curated where they lie stay there; take them out of your lists, or they come back.
    Exit code 1 if the search finds anything.

    Example: figureground forget corpus https://example.org/video.mp4
    """
    from pipelines.corpus.forget import forget as forget_sources

    done = forget_sources(corpus, sources)
    if as_json:
        print(json.dumps(asdict(done)))
    else:
        rows = ", ".join(f"{count} {table}" for table, count in done.rows.items())
        print(f"{plural(len(done.sources), 'source')} forgotten: {rows}")
        trace = f"traces in {', '.join(done.search.found)}" if done.search.found else "no trace"
        print(f"{plural(done.search.files, 'file')}, {done.search.size_bytes:,} bytes searched: {trace}")
    if done.search.found:
        raise typer.Exit(EXIT_ERROR)
