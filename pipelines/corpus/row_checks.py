"""What must hold within a row, and between a row and its clip."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.corpus.rows import Row
from schemas.columns import Table
from schemas.reasons import NEAR_DUPLICATE

DANGLING = "dangling: no kept clip has this id"
Persons = dict[str, dict[str, set[int]]]
"""Numbers of the persons that a table holds, by clip and annotator."""


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What other tables must agree with. annotated: kept, or hidden only as a near-duplicate."""

    kept: bool
    annotated: bool
    frames: int
    width: int
    height: int


_LENGTHS: dict[str, dict[str, Callable[[Row], int]]] = {
    "poses": {"present": lambda r: r["frames"]}
    | dict.fromkeys(("x", "y", "confidence"), lambda r: r["frames"] * r["joints"]),
    "masks": dict.fromkeys(("rle", "area_px"), lambda r: r["frames"]),
    "tracks": {"query_frame": lambda r: r["points"]}
    | dict.fromkeys(("x", "y", "visible", "on_person"), lambda r: r["frames"] * r["points"]),
    "media": {"pts": lambda r: r["frames"]},
}


def clip_facts(clips: pa.RecordBatch) -> dict[str, ClipFacts]:
    """Facts by clip id, from `clips` rows."""
    columns = ["clip_id", "kept", "reject_reasons", "frames", "width", "height"]
    return {
        row["clip_id"]: ClipFacts(
            row["kept"],
            row["kept"] or row["reject_reasons"] == [NEAR_DUPLICATE],
            row["frames"],
            row["width"],
            row["height"],
        )
        for row in clips.select(columns).to_pylist()
    }


def row_problems(table: Table, rows: pa.RecordBatch, facts: dict[str, ClipFacts]) -> Iterator[tuple[str, str]]:
    """Clip id and problem, for rows of an annotation table."""
    scalars = [f.name for f in table.schema if not pa.types.is_list(f.type) and not pa.types.is_binary(f.type)]
    lengths = {name: pc.list_value_length(rows.column(name)).to_pylist() for name in _LENGTHS[table.name]}
    for i, row in enumerate(rows.select(scalars).to_pylist()):
        clip = facts.get(row["clip_id"])
        if clip is None or not clip.annotated:
            yield row["clip_id"], DANGLING
            continue
        for what in _disagreements(row, clip):
            yield row["clip_id"], what
        for name, expected in _LENGTHS[table.name].items():
            if lengths[name][i] != expected(row):
                yield row["clip_id"], f"{name} has {lengths[name][i]} elements, not {expected(row)}"
        if table.name == "media":
            yield from _video_problems(row, rows.column("video")[i].as_py())


def _disagreements(row: Row, clip: ClipFacts) -> Iterator[str]:
    for name in ("frames", "width", "height"):
        if name in row and row[name] != getattr(clip, name):
            yield f"{name} is {row[name]}, but the clip's is {getattr(clip, name)}"


def _video_problems(row: Row, video: bytes) -> Iterator[tuple[str, str]]:
    if len(video) != row["size_bytes"]:
        yield row["clip_id"], f"the video has {len(video)} bytes, not {row['size_bytes']}"
    if hashlib.sha256(video).hexdigest() != row["sha256"]:
        yield row["clip_id"], "the video does not match its sha256"


def missing_annotations(facts: dict[str, ClipFacts], persons: dict[str, Persons]) -> Iterator[tuple[str, str, str]]:
    """Table, clip id and problem, for clips that lack what a kept clip has: tracks, media, a mask per pose."""
    annotators = {name for by_annotator in persons.get("poses", {}).values() for name in by_annotator}
    for clip_id, clip in facts.items():
        if not clip.annotated:
            continue
        for table in ("tracks", "media"):
            if clip_id not in persons.get(table, {}):
                yield table, clip_id, "missing for a kept clip"
        by_table = (persons.get(table, {}).get(clip_id, {}) for table in ("poses", "masks"))
        poses, masks = (list(by_annotator.values()) or [set()] for by_annotator in by_table)
        if annotators - set(persons.get("poses", {}).get(clip_id, {})):
            poses.append(set())  # of an annotator with which the clip was kept though it found nobody
        known, masked = set().union(*poses), set().union(*masks)
        # An annotator run later may find other persons; those it was kept with have poses and masks alike.
        if not masked <= known or not any(one == other for one in poses for other in masks):
            yield "masks", clip_id, f"masks of persons {sorted(masked)}, but poses of {sorted(known)}"
