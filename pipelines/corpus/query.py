"""User SQL: one SELECT over the views, without a way to files, network or settings."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.corpus.read import Corpus
from schemas.errors import QueryError

if TYPE_CHECKING:
    import duckdb

_ROWS_PER_BATCH = 2048
_MEMORY_LIMIT = "4GiB"
_INTERRUPT_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class QueryResult:
    """Rows of a query. truncated: there were more than asked for."""

    table: pa.Table
    truncated: bool


def run_query(
    corpus: Corpus | str | Path, sql: str, *, max_rows: int | None = None, time_limit_s: float = 300.0
) -> QueryResult:
    """Run one SELECT over the views of a corpus. max_rows: stop there; None reads all rows.

    Raises QueryError if it is not one SELECT, fails, or runs past its limits of time and memory.
    """
    import duckdb

    corpus = corpus if isinstance(corpus, Corpus) else Corpus(corpus)
    with corpus.connect() as connection:
        _confine(connection)
        deadline = _Deadline(connection, time_limit_s)
        try:
            with deadline:
                return _fetch(connection, _one_select(connection, sql), max_rows)
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            if deadline.passed:
                message = f"the query ran longer than {time_limit_s:g} s; narrow it, or raise the limit"
                raise QueryError(message) from None
            raise QueryError(str(error)) from None


class _Deadline:
    """Interrupts a connection's query when its time is up; `passed` tells."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, seconds: float) -> None:
        self.passed = False
        self._connection = connection
        self._seconds = seconds
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self._watcher.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watcher.join()

    def _watch(self) -> None:
        self.passed = not self._done.wait(self._seconds)
        while self.passed and not self._done.is_set():
            self._connection.interrupt()
            self._done.wait(_INTERRUPT_EVERY_S)


def _confine(connection: duckdb.DuckDBPyConnection) -> None:
    """Take away files, network, Python variables and settings; the views read through Arrow, so they stay.

    No path is allowed, not even those of the tables: `WITH x AS (COPY ... TO ...) SELECT` counts as a SELECT and
    would overwrite them. For the same reason there is no spilling to disk.
    """
    for setting in (
        f"memory_limit = '{_MEMORY_LIMIT}'",
        "temp_directory = ''",
        "python_enable_replacements = false",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")


def _one_select(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement:
    from duckdb import StatementType

    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise QueryError(f"expected one SELECT statement, got {len(statements)}")
    if statements[0].type != StatementType.SELECT:
        raise QueryError(f"only SELECT is allowed, not {statements[0].type.name}")
    return statements[0]


def _fetch(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement, max_rows: int | None) -> QueryResult:
    reader: pa.RecordBatchReader = connection.sql(statement).to_arrow_reader(_ROWS_PER_BATCH)
    batches, rows = [], 0
    for batch in reader:
        batches.append(batch)
        rows += len(batch)
        if max_rows is not None and rows > max_rows:
            break
    table = pa.Table.from_batches(batches, reader.schema)
    if max_rows is None or rows <= max_rows:
        return QueryResult(table, truncated=False)
    return QueryResult(table.slice(0, max_rows), truncated=True)
