"""What a damaged corpus still has, what it lacks, and the commits that put it right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field

from pipelines.corpus.annotators import added_annotators
from pipelines.corpus.check import CheckReport, file_damage
from pipelines.corpus.committer import Committer
from pipelines.corpus.delta import Tables
from pipelines.corpus.layout import Layout
from pipelines.corpus.parquet import open_file
from pipelines.corpus.parts import DataFile, Part, write_rows
from pipelines.corpus.rows import Row
from schemas.config import Config
from schemas.reasons import NEAR_DUPLICATE, SourceReason
from schemas.tables import ANNOTATION_TABLES

_CLIP_COLUMNS = ["clip_id", "source_id", "kept", "reject_reasons"]


@dataclass(slots=True)
class Damage:
    """What is wrong, and what is there.

    files: unreadable ones by table. wrong: clips with wrong rows, by table. clips: of each source, by its id.
    annotated: clips that have annotations by their row in `clips`. present: clips with sound rows, by table.
    sources: their rows, by id. annotators: names of those whose rows are there.
    """

    files: dict[str, list[DataFile]]
    wrong: dict[str, set[str]]
    sources: dict[str, Row] = field(default_factory=dict)
    clips: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    annotated: set[str] = field(default_factory=set)
    present: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    annotators: set[str] = field(default_factory=set)

    def lost(self) -> dict[str, set[str]]:
        """Clips whose annotations are to be made again, by source; a source with an empty set lacks whole clips."""
        lost: dict[str, set[str]] = defaultdict(set)
        for source_id, clips in self.clips.items():
            if missing := {clip for clip in clips & self.annotated if any(self._lacks(clip))}:
                lost[source_id] = missing
        if self.files.get("clips") or self.wrong["clips"]:
            for source_id, row in self.sources.items():
                if len(self.clips[source_id]) < (row["clips"] or 0):
                    lost[source_id] |= set()
        return lost

    def _lacks(self, clip: str) -> Iterator[bool]:
        """A clip without persons has no poses and no masks; they are missed where they may have been."""
        for table in ANNOTATION_TABLES:
            always = table in ("tracks", "media")
            hit = always or bool(self.files.get(table)) or clip in self.wrong[table]
            yield hit and clip not in self.present[table]


def assess(layout: Layout, tables: Tables, report: CheckReport, config: Config) -> Damage:
    """Read what can be read. report: what `check` said of this very state. config: what the corpus was built with.

    Rows of annotators that were added later are left out: they are not made from the sources.
    """
    by_name = {(f.table, f.path): f for name in {p.table for p in report.problems} for f in tables.files(name)}
    files: dict[str, list[DataFile]] = defaultdict(list)
    wrong: dict[str, set[str]] = defaultdict(set)
    for problem in report.problems:
        if problem.whole_file:
            files[problem.table].append(by_name[problem.table, problem.subject.removeprefix(f"{problem.table}/")])
        else:
            wrong[problem.table].add(problem.subject.partition(" ")[0])
    wrong["poses"] |= wrong["masks"]  # of a clip whose persons differ it is not known which are right
    wrong["masks"] |= wrong["poses"]
    damage = Damage(files, wrong)
    for row in _sound_rows(layout, tables, files, "sources", ["source_id", "uri", "sha256", "reason", "clips"]):
        if row["reason"] != SourceReason.DUPLICATE:
            damage.sources[row["source_id"]] = row
    for row in _sound_rows(layout, tables, files, "clips", _CLIP_COLUMNS):
        if row["clip_id"] not in wrong["clips"]:
            take_clip(damage, row)
    added = added_annotators(layout, config)
    for table in ANNOTATION_TABLES:
        columns = ["clip_id", "annotator"] if table in added else ["clip_id"]
        rows = list(_sound_rows(layout, tables, files, table, columns))
        damage.annotators |= {row["annotator"] for row in rows if table in added}
        ids = {row["clip_id"] for row in rows if row.get("annotator") not in added.get(table, ())}
        damage.present[table] = ids - wrong[table]
    return damage


def take_clip(damage: Damage, row: Row) -> None:
    """Note a sound row of `clips`."""
    damage.clips[row["source_id"]].add(row["clip_id"])
    if row["kept"] or row["reject_reasons"] == [NEAR_DUPLICATE]:
        damage.annotated.add(row["clip_id"])


class Mending:
    """Gathers what was made again, then commits it: one atomic swap of files per table.

    Cut off at any place, the next repair finds what is left to do.
    """

    def __init__(self, committer: Committer, damage: Damage) -> None:
        self._layout = committer.layout
        self._tables = committer.tables
        self._damage = damage
        self._new: dict[str, list[DataFile]] = defaultdict(list)
        self._new_clips: list[Row] = []
        self.remade: set[str] = set()

    def add(self, part: Part) -> None:
        """Take from a part the rows that the corpus lacks.

        A part cut as it was the first time has written the very file that was damaged, under its name: that is healed.
        """
        for file in part.files:
            if file in self._damage.files.get(file.table, ()):
                continue
            lacking = [row for row in self._read(file) if row["clip_id"] not in self._damage.present[file.table]]
            if len(lacking) == file.rows:
                self._new[file.table].append(file)
            elif lacking:
                self._new[file.table].append(write_rows(self._layout, file.table, "mended", lacking))
        self._new_clips += [row for row in part.clips if row["clip_id"] not in self._damage.clips[part.source_id]]
        self.remade |= {row["clip_id"] for row in part.clips if row["kept"]}

    def clip_count(self, source_id: str) -> int:
        """Candidates of a source that have a row, or had theirs made again."""
        made = {row["clip_id"] for row in self._new_clips if row["source_id"] == source_id}
        return len(self._damage.clips[source_id] | made)

    def commit(self, lost_for_good: Set[str]) -> tuple[int, int]:
        """Swap. lost_for_good: sources of which not all could be made again; files that may hold their rows stay.

        Returns how many rows that belonged to nothing were dropped, and how many files were given up.
        """
        for row in self._new_clips:
            take_clip(self._damage, row)
        dropped = swapped = 0
        for table in ANNOTATION_TABLES:
            old, new, rows = self._without_wrong(table, lost_for_good)
            dropped += rows
            swapped += self._swap(table, old, new, stays=bool(lost_for_good))
        new_clips = [write_rows(self._layout, "clips", "mended", self._new_clips)] if self._new_clips else []
        old, kept, _ = self._without_wrong("clips", lost_for_good)
        swapped += self._swap("clips", old, [*kept, *new_clips], stays=bool(lost_for_good))
        for table in ("sources", "runs"):
            swapped += self._swap(table, [], [], stays=False)
        return dropped, swapped

    def _swap(self, table: str, old: list[DataFile], new: list[DataFile], *, stays: bool) -> int:
        damaged = self._damage.files.get(table, [])
        given_up = [] if stays else [f for f in damaged if file_damage(self._layout, f)]
        new = new + self._new[table]
        if old or new or given_up:
            self._tables.replace(table, [*old, *given_up], new, data_change=True)
        return len(given_up)

    def _without_wrong(self, table: str, unclear: Set[str]) -> tuple[list[DataFile], list[DataFile], int]:
        """Files with rows to drop, what replaces them, and the number of those rows.

        Rows are dropped if they were made again or belong to no clip; those of `unclear` sources may yet be needed.
        """
        old, new, dropped = [], [], 0
        wrong = self._damage.wrong[table]
        for file in self._tables.files(table) if wrong else []:
            if file_damage(self._layout, file):
                continue
            rows = self._read(file)
            kept = [row for row in rows if not (row["clip_id"] in wrong and self._is_over(row, unclear))]
            if len(kept) < len(rows):
                old.append(file)
                new += [write_rows(self._layout, table, "mended", kept)] if kept else []
                dropped += len(rows) - len(kept)
        return old, new, dropped

    def _is_over(self, row: Row, unclear: Set[str]) -> bool:
        if row["clip_id"] in self.remade:
            return True
        return row["clip_id"] not in self._damage.annotated and row["source_id"] not in unclear

    def _read(self, file: DataFile) -> list[Row]:
        with open_file(self._layout.table(file.table) / file.path) as parquet:
            rows: list[Row] = parquet.read().to_pylist()
        return rows


def _sound_rows(
    layout: Layout, tables: Tables, damaged: dict[str, list[DataFile]], table: str, columns: list[str]
) -> Iterable[Row]:
    for file in tables.files(table):
        if file not in damaged.get(table, ()):
            with open_file(layout.table(table) / file.path) as parquet:
                yield from parquet.read(columns=columns).to_pylist()
