"""A part: a chunk of one source's candidate clips, written to files by a worker, to be committed by the driver."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.corpus.layout import Layout, Place, content_name, write_atomically
from pipelines.corpus.rows import Row, annotation_rows, clip_row, source_row
from pipelines.failpoints import failpoint
from schemas.records import Clip, SourceReport
from schemas.tables import ANNOTATION_TABLES, TABLES


@dataclass(frozen=True, slots=True)
class DataFile:
    """A Parquet file, not necessarily committed. path: relative to its table's folder."""

    table: str
    path: str
    size_bytes: int
    rows: int


@dataclass(frozen=True, slots=True)
class Part:
    """What a worker tells the committer: small, picklable, without pixels or video.

    files: annotation and media files already written. clips: `clips` rows, kept and rejected.
    source: the `sources` row, if the source is finished with this part.
    """

    part_id: str
    source_id: str
    files: tuple[DataFile, ...]
    clips: tuple[Row, ...]
    source: Row | None = None


def part_id_of(source_id: str, first_clip_index: int) -> str:
    """Id of the part that begins with a candidate; the same in every run."""
    return f"{source_id}_{first_clip_index:06d}"


class PartWriter:
    """Writes parts into a corpus folder; any number of processes may, at the same time. Picklable."""

    def __init__(self, corpus: str | Place) -> None:
        self._layout = Layout.at(corpus)

    def write(self, part_id: str, clips: Sequence[Clip], report: SourceReport | None = None) -> Part:
        """Write annotations and media of the kept clips, one file per table; nothing is visible until committed.

        Writing the same clips again writes the same files. A part may hold a report alone.
        Raises ValueError if a kept clip lacks its annotation or media, or clips of several sources are mixed.
        """
        sources = {c.source.source_id for c in clips} | ({report.source.source_id} if report else set())
        if len(sources) != 1:
            raise ValueError(f"part {part_id}: expected clips or a report of one source, got {sorted(sources)}")
        return Part(
            part_id=part_id,
            source_id=sources.pop(),
            files=self._write_annotations(part_id, [clip for clip in clips if clip.kept]),
            clips=tuple(clip_row(clip) for clip in clips),
            source=source_row(report) if report else None,
        )

    def _write_annotations(self, part_id: str, kept: list[Clip]) -> tuple[DataFile, ...]:
        tables: dict[str, list[Row]] = {name: [] for name in ANNOTATION_TABLES}
        for clip in kept:
            for name, rows in annotation_rows(clip).items():
                tables[name] += rows
        return tuple(write_rows(self._layout, name, f"part-{part_id}", rows) for name, rows in tables.items() if rows)


def write_rows(layout: Layout, table: str, stem: str, rows: list[dict[str, Any]]) -> DataFile:
    """Write rows as one durable file, named after its content; the table does not know it yet."""
    from pipelines.corpus.parquet import encode

    content = encode(TABLES[table], rows)
    name = content_name(stem, hashlib.sha256(content).hexdigest())
    failpoint(f"write.{table}.before")
    write_atomically(layout.table(table) / name, content)
    failpoint(f"write.{table}.after")
    return DataFile(table, name, len(content), len(rows))
