"""Near-duplicates across a whole corpus, marked at the end of a run."""

from __future__ import annotations

from pipelines.corpus.committer import Committer
from pipelines.corpus.hashes import first_matches, parse_hashes
from pipelines.corpus.parquet import open_file
from pipelines.corpus.parts import DataFile, write_rows
from pipelines.corpus.rows import Row
from pipelines.failpoints import failpoint
from schemas.reasons import NEAR_DUPLICATE


def mark_near_duplicates(committer: Committer, bits: float) -> int:
    """Reject clips whose picture nearly equals that of a better clip; returns how many rows changed.

    Two clips match if their five 64-bit hashes differ by at most `bits` bits on average. Clips of one shot are
    never compared. In the order (area descending, source id, start frame) each clip that matches an earlier
    kept one is its duplicate, so the result depends on the set of clips alone. One commit, or none.
    """
    committer.flush()
    rows = {file: _read(committer, file) for file in committer.tables.files("clips")}
    original_of = _originals([row for file in rows.values() for row in file if _comparable(row)], bits)
    changes = {file: sum(_mark(row, original_of.get(row["clip_id"])) for row in rows[file]) for file in rows}
    old = [file for file, count in changes.items() if count]
    if old:
        new = [write_rows(committer.layout, "clips", "marked", rows[file]) for file in old]
        failpoint("duplicates.commit.before")
        committer.tables.replace("clips", old, new, data_change=True)
        failpoint("duplicates.commit.after")
    return sum(changes.values())


def _read(committer: Committer, file: DataFile) -> list[Row]:
    with open_file(committer.layout.table("clips") / file.path) as parquet:
        rows: list[Row] = parquet.read().to_pylist()
    return rows


def _comparable(row: Row) -> bool:
    return bool(row["phash"]) and (row["kept"] or row["reject_reasons"] == [NEAR_DUPLICATE])


def _originals(rows: list[Row], bits: float) -> dict[str, str]:
    """Clip id of the kept clip that each duplicate nearly equals."""
    rows = sorted(rows, key=lambda r: (-r["width"] * r["height"], r["source_id"], r["start_frame"], r["end_frame"]))
    shots: dict[tuple[str, int], int] = {}
    groups = [shots.setdefault((row["source_id"], row["shot"]), len(shots)) for row in rows]
    matches = first_matches(parse_hashes([row["phash"] for row in rows]), groups, bits)
    return {row["clip_id"]: rows[match]["clip_id"] for row, match in zip(rows, matches, strict=True) if match >= 0}


def _mark(row: Row, original: str | None) -> bool:
    """Set the verdict in place; True if it changed."""
    if not _comparable(row) or row["duplicate_of"] == original:
        return False
    row["duplicate_of"] = original
    row["kept"] = original is None
    row["reject_reasons"] = [] if original is None else [NEAR_DUPLICATE]
    return True
