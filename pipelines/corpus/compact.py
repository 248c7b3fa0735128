"""Many small files into few: the same rows, one commit per table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipelines.corpus.committer import Committer
from pipelines.corpus.layout import Layout, Place, content_name, file_sha256, publish, temporary_beside
from pipelines.corpus.manifest import read_manifest
from pipelines.corpus.parquet import open_file, open_writer, rows_per_group
from pipelines.corpus.parts import DataFile
from pipelines.failpoints import failpoint
from schemas.columns import Table
from schemas.errors import CorpusError
from schemas.tables import TABLES

TARGET_BYTES = 256 * 2**20
"""Files are merged up to about this size; files of more than half of it are left alone."""


@dataclass(frozen=True, slots=True)
class Compaction:
    """Files of a table before and after."""

    files_before: int
    files_after: int


def compact(corpus: str | Place, *, target_bytes: int = TARGET_BYTES) -> dict[str, Compaction]:
    """Merge small files, table by table, and remove what they replace; the content digest stays the same.

    Older Delta versions of the tables can't be read afterwards.
    Raises CorpusError if the corpus is being written or a file is damaged.
    """
    with Committer(corpus, read_manifest(Layout.at(corpus))) as committer:
        return {name: _compact_table(committer, TABLES[name], target_bytes) for name in TABLES}


def _compact_table(committer: Committer, table: Table, target_bytes: int) -> Compaction:
    files = committer.tables.files(table.name)
    groups = list(_groups(files, target_bytes))
    merged = [_merge(committer.layout, table, group) for group in groups]
    if merged:
        old = [file for group in groups for file in group]
        failpoint("compact.commit.before")
        committer.tables.replace(table.name, old, merged, data_change=False)
        failpoint("compact.commit.after")
    return Compaction(len(files), len(files) - sum(map(len, groups)) + len(merged))


def _groups(files: Sequence[DataFile], target_bytes: int) -> Iterator[list[DataFile]]:
    """Neighbours by name, so that clips of one source stay together."""
    group: list[DataFile] = []
    for file in files:
        if file.size_bytes > target_bytes // 2:
            continue
        if group and sum(f.size_bytes for f in group) + file.size_bytes > target_bytes:
            if len(group) > 1:
                yield group
            group = []
        group.append(file)
    if len(group) > 1:
        yield group


def _merge(layout: Layout, table: Table, files: Sequence[DataFile]) -> DataFile:
    folder = layout.table(table.name)
    temporary = temporary_beside(folder / f"merged-{files[0].path}")
    rows = 0
    with open_writer(table, temporary) as writer:
        for batch in _row_groups(folder, table, files):
            writer.write_table(batch, row_group_size=rows_per_group(table))
            rows += len(batch)
    if rows != sum(file.rows for file in files):
        raise CorpusError(f"{table.name}: {rows} rows read, but the log promises {sum(file.rows for file in files)}")
    name, size_bytes = content_name("merged", file_sha256(temporary)), temporary.stat().st_size
    failpoint("compact.publish.before")
    publish(temporary, folder / name)
    failpoint("compact.publish.after")
    return DataFile(table.name, name, size_bytes, rows)


def _row_groups(folder: Place, table: Table, files: Sequence[DataFile]) -> Iterator[pa.Table]:
    """Rows of the files, in pieces of whole row groups."""
    pending: list[pa.Table] = []
    for file in files:
        try:
            with open_file(folder / file.path) as parquet:
                for group in range(parquet.num_row_groups):
                    pending.append(parquet.read_row_group(group))
                    if sum(map(len, pending)) >= rows_per_group(table):
                        yield pa.concat_tables(pending)
                        pending = []
        except (OSError, pa.ArrowException) as error:
            raise CorpusError(f"{table.name}/{file.path} is damaged; run `figureground check`: {error}") from None
    if pending:
        yield pa.concat_tables(pending)
