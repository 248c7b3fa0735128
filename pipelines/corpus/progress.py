"""What a corpus already holds, so that a resumed run does the rest and a doubled part is recognised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pipelines.corpus.delta import Tables
from pipelines.corpus.id_set import IdSet
from pipelines.corpus.layout import Layout
from pipelines.corpus.parts import Part
from pipelines.corpus.rows import Row
from schemas.errors import CorpusError
from schemas.reasons import SourceReason, Verdict

_FOR_GOOD = frozenset({SourceReason.GONE, SourceReason.NOT_VIDEO})
"""Reasons, found before there was any content, that another try would meet again."""


@dataclass(slots=True)
class Progress:
    """Sources that have a verdict, and committed clips of the others.

    reported: sha256 and uri of every `sources` row. finished: source ids whose clips are complete.
    settled: addresses that need not be fetched again. clips: committed clip ids of sources that are not finished, by
    source id.
    """

    reported: IdSet = field(default_factory=IdSet)
    finished: IdSet = field(default_factory=IdSet)
    settled: IdSet = field(default_factory=IdSet)
    clips: dict[str, set[str]] = field(default_factory=dict)

    def is_reported(self, uri: str, sha256: str) -> bool:
        """The source has its verdict: nothing is left to do."""
        return sha256 + uri in self.reported

    def committed_clips(self, source_id: str) -> frozenset[str]:
        """Clip ids of an unfinished source that need no more work."""
        return frozenset(self.clips.get(source_id, ()))

    def has_clips(self, part: Part) -> bool:
        """The part's clips are committed already. Raises CorpusError if some are and some are not."""
        if not part.clips:
            return True
        if part.source_id in self.finished:
            return True
        known = self.clips.get(part.source_id, set())
        ids = {row["clip_id"] for row in part.clips}
        if ids & known and not ids <= known:
            raise CorpusError(
                f"part {part.part_id} mixes clips that are committed with clips that are not; "
                "write only the clips that are missing"
            )
        return ids <= known

    def take_clips(self, part: Part) -> None:
        """Remember a part's clips."""
        self.clips.setdefault(part.source_id, set()).update(row["clip_id"] for row in part.clips)

    def take_source(self, row: Row) -> None:
        """Remember a source's verdict."""
        self.reported.add(row["sha256"] + row["uri"])
        # What was refused or too large may be wanted under other settings, what failed may succeed.
        if row["verdict"] != Verdict.FAILED and (row["sha256"] or row["reason"] in _FOR_GOOD):
            self.settled.add(row["uri"])
        if row["reason"] != SourceReason.DUPLICATE:
            self.finished.add(row["source_id"])
            self.clips.pop(row["source_id"], None)


def read_progress(layout: Layout, tables: Tables) -> Progress:
    """Progress as committed in the tables."""
    progress = Progress()
    for row in _rows(layout, tables, "sources", ["uri", "sha256", "source_id", "verdict", "reason"]):
        progress.take_source(row)
    for row in _rows(layout, tables, "clips", ["clip_id", "source_id"]):
        if row["source_id"] not in progress.finished:
            progress.clips.setdefault(row["source_id"], set()).add(row["clip_id"])
    return progress


def _rows(layout: Layout, tables: Tables, name: str, columns: list[str]) -> Iterator[Row]:
    files = tables.files(name)
    if not files:
        return
    import pyarrow as pa

    from pipelines.corpus.parquet import open_file

    for file in files:
        try:
            with open_file(layout.table(name) / file.path) as parquet:
                for batch in parquet.iter_batches(columns=columns):
                    yield from batch.to_pylist()
        except (OSError, pa.ArrowException) as error:
            raise CorpusError(
                f"{name}/{file.path} is damaged; run `figureground check --repair {layout.root}`: {error}"
            ) from None
