"""The verb `duckdb`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def duckdb(
    corpus: Annotated[str, typer.Argument(help="Folder of the corpus.")],
    out: Annotated[Path, typer.Option(help="The database file to write.")] = Path("corpus.duckdb"),
) -> None:
    """Write a database file with the corpus's views, for DuckDB's own command line, UI and drivers.

    It holds no data, but reads the corpus where it lies; write it again when the corpus has grown or was compacted.

    Example: figureground duckdb corpus --out corpus.duckdb
    """
    from pipelines.corpus.database import write_database

    print(f"duckdb {write_database(corpus, out)}")
