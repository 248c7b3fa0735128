"""`corpus.duckdb`: the views of a corpus as a database file that any DuckDB opens, without this package.

Of a corpus in a folder the file holds no data: its views read the Parquet files that were committed when it was
written, by absolute path. A bucket DuckDB reads only with an extension and our credentials: the file holds the rows.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pipelines.corpus.layout import Place
from pipelines.corpus.read import Corpus
from schemas.columns import Table
from schemas.errors import ConfigError, CorpusError
from schemas.tables import TABLES
from schemas.views import comment_statements, quoted, view_statements

_STORAGE = "v1.0.0"
"""Storage version of the file: the oldest that DuckDB promises to read, so that older command lines open it."""
_STORED, _EMPTY = "stored_rows.", "stored_rows.empty_"
"""A schema of their own, so that lists of tables show the views alone."""
COPIED = tuple(name for name in TABLES if name != "media")
"""Tables whose rows a database file of a corpus in a bucket holds if none are named: all but the videos."""


def write_database(corpus: Corpus | str | Place, path: Path, copy: Sequence[str] = ()) -> Path:
    """Write the database file, in place of an older one. Write it again when the corpus has grown or was
    annotated.

    copy: tables whose rows are copied into the file, which then has no others; default: none for a corpus in a
    folder, `COPIED` for one in a bucket. Raises CorpusError if the file cannot be written, ConfigError for a table
    that is none.
    """
    import duckdb

    corpus = corpus if isinstance(corpus, Corpus) else Corpus(corpus)
    if unknown := sorted(set(copy) - set(TABLES)):
        raise ConfigError(f"{', '.join(unknown)}: no such table; those are {', '.join(TABLES)}")
    if not isinstance(corpus.root, Path):
        copy = copy or COPIED
    partial = path.with_name(f".part-{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        with duckdb.connect(":memory:") as connection:
            connection.execute(f"ATTACH {quoted(str(partial))} AS made (STORAGE_VERSION '{_STORAGE}')")
            connection.execute("USE made")
            connection.execute("CREATE SCHEMA stored_rows")
            for table in TABLES.values():
                connection.register("shape", table.schema.empty_table())
                connection.execute(f"CREATE TABLE {_EMPTY}{table.name} AS FROM shape")
                connection.unregister("shape")
                if table.name in copy:
                    connection.register("rows", corpus.dataset(table.name))
                    connection.execute(f"CREATE TABLE {_STORED}{table.name} AS FROM rows")
                    connection.unregister("rows")
                else:
                    connection.execute(_stored(table, [] if copy else corpus.paths(table.name)))
            for statement in (*view_statements(corpus.preference, _STORED), *comment_statements()):
                connection.execute(statement)
            connection.execute("USE memory")
            connection.execute("DETACH made")
        partial.replace(path)
    except (duckdb.Error, OSError) as error:
        with suppress(OSError):
            partial.unlink()
        raise CorpusError(f"cannot write {path}: {error}") from error
    return path


def _stored(table: Table, places: list[Place]) -> str:
    """The committed rows. The empty table gives the columns to files written before a column was added, or to none."""
    rows = f"FROM {_EMPTY}{table.name}"
    if places:
        files = ", ".join(quoted(str(place)) for place in places)
        rows += f" UNION ALL BY NAME FROM read_parquet([{files}], union_by_name = true)"
    return f"CREATE VIEW {_STORED}{table.name} AS {rows}"
