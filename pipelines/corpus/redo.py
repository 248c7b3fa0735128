"""Redo records: what a batch is about to commit, written down first so that a crash half-way can be finished."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby

from pipelines.corpus.delta import Tables
from pipelines.corpus.layout import Layout, write_atomically
from pipelines.corpus.parts import DataFile
from pipelines.failpoints import failpoint
from schemas.tables import ANNOTATION_TABLES

COMMIT_ORDER = (*ANNOTATION_TABLES, "clips", "sources", "runs")
"""A clip shows with its row in `clips`, so what belongs to it goes before; a source is done after its clips."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Files that become visible together. sequence: from 1, each used once in a corpus."""

    sequence: int
    files: tuple[DataFile, ...]

    def by_table(self) -> Iterator[tuple[str, list[DataFile]]]:
        """Files per table, in the order of commits."""
        ordered = sorted(self.files, key=lambda file: COMMIT_ORDER.index(file.table))
        for table, files in groupby(ordered, key=lambda file: file.table):
            yield table, list(files)


def commit_batch(layout: Layout, tables: Tables, batch: Batch) -> None:
    """Record, commit table by table, forget. Killed anywhere, `roll_forward` completes it."""
    record = json.dumps({"sequence": batch.sequence, "files": [asdict(file) for file in batch.files]})
    failpoint("redo.write.before")
    write_atomically(layout.redo(batch.sequence), record.encode())
    failpoint("redo.write.after")
    _apply(layout, tables, batch)


def roll_forward(layout: Layout, tables: Tables) -> int:
    """Complete the batches that a killed writer left half committed; returns how many there were."""
    records = pending_batches(layout)
    for batch in records:
        _apply(layout, tables, batch)
    return len(records)


def pending_batches(layout: Layout) -> Sequence[Batch]:
    """Batches recorded but not known to be fully committed."""
    records = [json.loads(place.read_text()) for place in layout.redo_records()]
    return [Batch(r["sequence"], tuple(DataFile(**file) for file in r["files"])) for r in records]


def _apply(layout: Layout, tables: Tables, batch: Batch) -> None:
    for table, files in batch.by_table():
        failpoint(f"commit.{table}.before")
        tables.append(table, batch.sequence, files)
        failpoint(f"commit.{table}.after")
    failpoint("redo.delete.before")
    layout.redo(batch.sequence).unlink()
    failpoint("redo.delete.after")
