"""User SQL: one SELECT over the views, without a way to files, network or settings."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.corpus.layout import Place
from pipelines.corpus.read import Corpus
from schemas.errors import QueryError

if TYPE_CHECKING:
    import duckdb

_ROWS_PER_BATCH = 2048
_MEMORY_BYTES = 4 * 2**30
_INTERRUPT_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class QueryResult:
    """Rows of a query. truncated: there were more than asked for."""

    table: pa.Table
    truncated: bool


def run_query(
    corpus: Corpus | str | Place,
    sql: str,
    *,
    max_rows: int | None = None,
    time_limit_s: float = 300.0,
    memory_bytes: int = _MEMORY_BYTES,
    unsafe: bool = False,
) -> QueryResult:
    """Run one SELECT over the views of a corpus.

    max_rows: stop there; None reads all rows. memory_bytes: what the query may take, and once more its result.
    unsafe: any statements, with files, network and settings, as DuckDB allows them; the last one's rows come back.
    Raises QueryError if it is not one SELECT, fails, or runs past its limits of time and memory.
    """
    import duckdb

    corpus = corpus if isinstance(corpus, Corpus) else Corpus(corpus)
    with corpus.connect() as connection:
        if not unsafe:
            _confine(connection, memory_bytes)
        deadline = _Deadline(connection, time_limit_s)
        try:
            with deadline:
                statement = _last_of_all(connection, sql) if unsafe else _one_select(connection, sql)
                return _fetch(connection, statement, max_rows, memory_bytes)
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


def _confine(connection: duckdb.DuckDBPyConnection, memory_bytes: int) -> None:
    """Take away files, network, Python variables and settings; the views read through Arrow, so they stay.

    No path is allowed, not even those of the tables: `WITH x AS (COPY ... TO ...) SELECT` counts as a SELECT and
    would overwrite them. For the same reason there is no spilling to disk.
    """
    for setting in (
        f"memory_limit = '{memory_bytes} bytes'",
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


def _last_of_all(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement:
    """The last statement, all others having been executed."""
    statements = connection.extract_statements(sql)
    if not statements:
        raise QueryError("expected a statement")
    for statement in statements[:-1]:
        connection.execute(statement)
    return statements[-1]


def _fetch(
    connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement, max_rows: int | None, memory_bytes: int
) -> QueryResult:
    relation = connection.sql(statement)
    if relation is None:  # a statement without rows, such as COPY
        return QueryResult(pa.table({}), truncated=False)
    reader: pa.RecordBatchReader = relation.to_arrow_reader(_ROWS_PER_BATCH)
    batches, rows, size_bytes = [], 0, 0
    for batch in reader:
        batches.append(batch)
        rows += len(batch)
        size_bytes += batch.nbytes
        if size_bytes > memory_bytes:
            raise QueryError(f"the result is larger than {memory_bytes / 2**30:g} GiB; narrow the query")
        if max_rows is not None and rows > max_rows:
            break
    table = pa.Table.from_batches(batches, reader.schema)
    if max_rows is None or rows <= max_rows:
        return QueryResult(table, truncated=False)
    return QueryResult(table.slice(0, max_rows), truncated=True)
