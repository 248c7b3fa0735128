"""Is everything there, whole, and consistent? Every byte is read and every problem is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import pyarrow as pa

from pipelines.corpus.digest import RowDigest, combine, row_digests
from pipelines.corpus.layout import Layout, Place, file_sha256, named_digest, size_bytes
from pipelines.corpus.parquet import open_file
from pipelines.corpus.parts import DataFile
from pipelines.corpus.read import Corpus
from pipelines.corpus.redo import pending_batches
from pipelines.corpus.row_checks import DANGLING, ClipFacts, Persons, clip_facts, missing_annotations, row_problems
from schemas.columns import Table
from schemas.tables import NOBODY, TABLES

_COUNTED = ("sources", "clips", "poses", "masks", "tracks", "media")
_UNCOUNTED = tuple(name for name in TABLES if name not in _COUNTED)
"""Tables whose rows differ between runs of equal content."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong. subject: the file, or the key of the row it is about. whole_file: none of it can be read."""

    table: str
    subject: str
    what: str
    whole_file: bool = False


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What `check` found.

    digest: SHA-256 of the visible content, equal for equal corpora; None if a file could not be read.
    rows: committed, by table. set_aside: those of them that no query shows, since their clip is a near-duplicate.
    unfinished_batches: left by a killed run; the next run completes them.
    videos_decoded: stored videos whose frames were counted.
    """

    digest: str | None
    rows: dict[str, int]
    set_aside: dict[str, int]
    problems: tuple[Problem, ...]
    unfinished_batches: int
    videos_decoded: int

    @property
    def ok(self) -> bool:
        """Nothing is wrong."""
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return {"ok": self.ok, **asdict(self)}


def check(corpus: Corpus | str | Place, *, deep: bool = False) -> CheckReport:
    """Read every committed file and compare rows across tables. deep: decode every stored video, too.

    Rows that a running writer commits meanwhile may be reported as dangling; check again when it has finished.
    Raises CorpusError if there is no corpus, or its log cannot be read.
    """
    corpus = corpus if isinstance(corpus, Corpus) else Corpus(corpus)
    return _Check(corpus, deep).run()


class _Check:
    def __init__(self, corpus: Corpus, deep: bool) -> None:
        self._corpus = corpus
        self._deep = deep
        self._problems: list[Problem] = []
        self._readable = True
        self._clips_unread = False
        self._facts: dict[str, ClipFacts] = {}
        self._persons: dict[str, Persons] = {}
        self._videos = 0
        self._pending = pending_batches(corpus.layout)
        self._pending_files = {file for batch in self._pending for file in batch.files}

    def run(self) -> CheckReport:
        for name in _UNCOUNTED:
            self._check_table(TABLES[name])
        digests = {name: self._check_table(TABLES[name]) for name in _COUNTED}
        if self._readable:
            for table, clip_id, what in missing_annotations(self._facts, self._persons):
                self._problems.append(Problem(table, clip_id, what))
        return CheckReport(
            digest=combine((name, self._visible(name, rows)) for name, rows in digests.items())
            if self._readable
            else None,
            rows={name: len(rows) for name, rows in digests.items()},
            set_aside={name: n for name, rows in digests.items() if (n := self._set_aside(name, rows))},
            problems=tuple(self._problems),
            unfinished_batches=len(self._pending),
            videos_decoded=self._videos,
        )

    def _visible(self, table: str, rows: list[RowDigest]) -> list[RowDigest]:
        if not TABLES[table].clip_rows:
            return rows
        return [row for row in rows if row[0][0] in self._facts and self._facts[row[0][0]].kept]

    def _set_aside(self, table: str, rows: list[RowDigest]) -> int:
        if not TABLES[table].clip_rows:
            return 0
        return sum(facts.annotated and not facts.kept for key, _ in rows if (facts := self._facts.get(key[0])))

    def _check_table(self, table: Table) -> list[RowDigest]:
        digests: list[RowDigest] = []
        for file in self._corpus.files[table.name]:
            for batch in self._batches(table, file):
                digests += row_digests(table, batch)
                self._check_rows(table, batch, pending=file in self._pending_files)
        keys = sorted(key for key, _ in digests)
        for key in {a for a, b in pairwise(keys) if a == b}:
            self._problems.append(Problem(table.name, " ".join(map(str, key)), "more than one row has this key"))
        return digests

    def _check_rows(self, table: Table, batch: pa.RecordBatch, *, pending: bool) -> None:
        """pending: the rows came with a batch whose clips may not be committed yet."""
        if table.name == "clips":
            self._facts.update(clip_facts(batch))
        if not table.clip_rows:
            return
        for clip_id, what in row_problems(table, batch, self._facts):
            unknown = pending or self._clips_unread
            if not (unknown and what == DANGLING and clip_id not in self._facts):
                self._problems.append(Problem(table.name, clip_id, what))
        persons = self._persons.setdefault(table.name, {})
        numbers = batch.column("person").to_pylist() if "person" in table.key else [0] * len(batch)
        annotators = batch.column("annotator").to_pylist() if "annotator" in table.key else [""] * len(batch)
        ids = batch.column("clip_id").to_pylist()
        for clip_id, person, annotator in zip(ids, numbers, annotators, strict=True):
            persons.setdefault(clip_id, {}).setdefault(annotator, set()).update({person} - {NOBODY})
        if self._deep and table.name == "media":
            self._decode(batch)

    def _batches(self, table: Table, file: DataFile) -> Iterator[pa.RecordBatch]:
        damage = file_damage(self._corpus.layout, file)
        if damage:
            self._report_file(file, damage)
            return
        try:
            with open_file(self._corpus.layout.table(table.name) / file.path) as parquet:
                for group in range(parquet.num_row_groups):
                    yield from parquet.read_row_group(group).to_batches()
        except (OSError, pa.ArrowException) as error:
            self._report_file(file, f"unreadable: {error}")

    def _report_file(self, file: DataFile, what: str) -> None:
        self._readable = False
        self._clips_unread |= file.table == "clips"
        self._problems.append(Problem(file.table, f"{file.table}/{file.path}", what, whole_file=True))

    def _decode(self, batch: pa.RecordBatch) -> None:
        from pipelines.corpus.videos import count_frames

        for row in batch.select(["clip_id", "frames", "video"]).to_pylist():
            counted = count_frames(row["video"])
            self._videos += 1
            if counted != row["frames"]:
                self._problems.append(
                    Problem("media", row["clip_id"], f"the video decodes to {counted} frames, not {row['frames']}")
                )


def file_damage(layout: Layout, file: DataFile) -> str | None:
    """What is wrong with a committed file as a whole, if anything is."""
    place = layout.table(file.table) / file.path
    try:
        size = size_bytes(place)
        if size != file.size_bytes:
            return f"{size} bytes long, not {file.size_bytes}"
        if not file_sha256(place).startswith(named_digest(file.path)):
            return "the content does not match the digest in its name"
        with open_file(place) as parquet:
            sound = parquet.schema_arrow.equals(TABLES[file.table].schema)
    except FileNotFoundError:
        return "missing"
    except (OSError, pa.ArrowException) as error:
        return f"unreadable: {error}"
    return None if sound else "the columns are not those of the table"
