"""The verb `duckdb`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def duckdb(
    corpus: Annotated[str, typer.Argument(help="Folder or address of the corpus.")],
    out: Annotated[Path, typer.Option(help="The database file to write.")] = Path("corpus.duckdb"),
    copy: Annotated[
        list[str] | None, typer.Option(help="A table whose rows the file is to hold, and no others; repeat it.")
    ] = None,
) -> None:
    """Write a database file with the corpus's views, for DuckDB's own command line, UI and drivers.

    It holds no data, but reads the corpus where it lies; write it again when the corpus has grown, was annotated
    or was compacted.
    With --copy it holds the rows of some tables instead, and can be carried elsewhere. Of a corpus in a bucket it holds
    those of all tables but `media`.

    Example: figureground duckdb corpus --out corpus.duckdb
    """
    from pipelines.corpus.database import write_database

    print(f"duckdb {write_database(corpus, out, copy or ())}")
