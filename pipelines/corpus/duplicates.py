"""Near-duplicates across a whole corpus, marked at the end of a run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.corpus.committer import Committer
from pipelines.corpus.hashes import I64, U64, first_matches, parse_hashes
from pipelines.corpus.parquet import open_file
from pipelines.corpus.parts import DataFile, write_rows
from pipelines.corpus.rows import Row
from pipelines.failpoints import failpoint
from schemas.reasons import NEAR_DUPLICATE
from schemas.tables import TABLES

_COLUMNS = [
    "clip_id",
    "source_id",
    "shot",
    "start_frame",
    "end_frame",
    "width",
    "height",
    "sharpness",
    "phash",
    "kept",
    "duplicate_of",
]
_DAMAGE = ["source_id", "damaged_packets"]
_BETTER = ("minus_area", "damaged_packets", "minus_sharpness", "source_id", "start_frame", "end_frame")
_PREFERENCE = [(name, "ascending") for name in _BETTER]
_SHARPNESS_DIGITS = 3
"""Beyond these, the last digits of another machine's arithmetic would choose."""


def mark_near_duplicates(committer: Committer, bits: float) -> int:
    """Reject clips whose picture nearly equals that of a better clip; returns how many rows changed.

    Two clips match if their five 64-bit hashes differ by at most `bits` bits on average. Clips of one shot are
    never compared. In the order (area descending, damaged packets of the source, sharpness descending, source id,
    start frame) each clip that matches an earlier kept one is its duplicate, so the result depends on the set of
    clips and sources alone. One commit, or none.
    """
    committer.flush()
    files = committer.tables.files("clips")
    read = [_read(committer, number, file) for number, file in enumerate(files)]
    changes = _changes(_Comparable.of(read, _damage(committer)), bits) if read else {}
    old, new = [], []
    for number, originals in sorted(changes.items()):
        rows = _marked(committer, files[number], originals)
        old.append(files[number])
        new.append(write_rows(committer.layout, "clips", "marked", rows))
    if old:
        failpoint("duplicates.commit.before")
        committer.tables.replace("clips", old, new, data_change=True)
        failpoint("duplicates.commit.after")
    return sum(map(len, changes.values()))


@dataclass(frozen=True)
class _Comparable:
    """N clips in the order of preference. hashes_NW: their pictures. groups_N: clips of one shot have the same."""

    table: pa.Table
    hashes_NW: U64
    groups_N: I64

    @classmethod
    def of(cls, read: list[tuple[pa.Table, U64]], damage: pa.Table) -> _Comparable:
        """damage: damaged packets by source id; sources that are not in it have none."""
        table = pa.concat_tables(table for table, _ in read)
        place = pc.index_in(table["source_id"], value_set=damage["source_id"])
        packets = pc.fill_null(damage["damaged_packets_max"].take(place), 0)
        table = table.append_column("damaged_packets", packets)
        order = pc.sort_indices(table, _PREFERENCE)
        table, hashes_NW = table.take(order), np.concatenate([hashes for _, hashes in read])[order]
        sources = table["source_id"].combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
        shots = table["shot"].to_numpy().astype(np.int64)
        return cls(table, hashes_NW, sources.astype(np.int64) * (shots.max(initial=0) + 1) + shots)


def _read(committer: Committer, number: int, file: DataFile) -> tuple[pa.Table, U64]:
    """Clips that are kept, or would be but for another: what they are ordered and compared by."""
    with open_file(committer.layout.table("clips") / file.path) as parquet:
        table = parquet.read(columns=_COLUMNS)
    wanted = pc.or_(table["kept"], pc.is_valid(table["duplicate_of"]))
    table = table.filter(pc.and_(wanted, pc.greater(pc.utf8_length(table["phash"]), 0)))
    hashes = parse_hashes(table["phash"].to_pylist())
    area = pc.multiply(table["width"].cast(pa.int64()), table["height"].cast(pa.int64()))
    table = table.append_column("minus_area", pc.negate(area))
    minus_sharpness = pc.negate(pc.round(table["sharpness"], _SHARPNESS_DIGITS))
    table = table.append_column("minus_sharpness", minus_sharpness)
    table = table.append_column("file", pa.repeat(pa.scalar(number, pa.int32()), len(table)))
    return table.drop_columns(["phash", "width", "height", "sharpness", "kept"]), hashes


def _damage(committer: Committer) -> pa.Table:
    """Damaged packets by source id. A copy of a source was never decoded: its row says 0, and another row the truth."""
    read = [TABLES["sources"].schema.empty_table().select(_DAMAGE)]
    for file in committer.tables.files("sources"):
        with open_file(committer.layout.table("sources") / file.path) as parquet:
            read.append(parquet.read(columns=_DAMAGE))
    return (
        pa.concat_tables(read, promote_options="default").group_by("source_id").aggregate([("damaged_packets", "max")])
    )


def _changes(clips: _Comparable, bits: float) -> dict[int, dict[str, str | None]]:
    """By the number of their file: clips whose verdict changes, with the clip that each nearly equals, if any."""
    match_N = first_matches(clips.hashes_NW, clips.groups_N, bits)
    ids, before = clips.table["clip_id"], clips.table["duplicate_of"]
    changes: dict[int, dict[str, str | None]] = {}
    for index in np.flatnonzero((match_N >= 0) | pc.is_valid(before).to_numpy()).tolist():
        original = ids[match_N[index]].as_py() if match_N[index] >= 0 else None
        if original != before[index].as_py():
            changes.setdefault(clips.table["file"][index].as_py(), {})[ids[index].as_py()] = original
    return changes


def _marked(committer: Committer, file: DataFile, originals: dict[str, str | None]) -> list[Row]:
    """All rows of a file, the verdicts of some changed."""
    with open_file(committer.layout.table("clips") / file.path) as parquet:
        rows: list[Row] = parquet.read().to_pylist()
    for row in rows:
        if row["clip_id"] in originals:
            original = originals[row["clip_id"]]
            row["duplicate_of"] = original
            row["kept"] = original is None
            row["reject_reasons"] = [] if original is None else [NEAR_DUPLICATE]
    return rows
