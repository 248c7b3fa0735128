"""What the user asked a plan to choose from, as changes to a job: by SQL, or by names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipelines.corpus.query import run_query
from pipelines.corpus.read import Corpus
from schemas.errors import QueryError

Change = dict[str, Any]
"""Values of some fields of a job. A reference_frame of None is to be chosen."""
_NAMES = re.compile(r"\s*[\w:.]+\s*(,\s*[\w:.]+\s*)*")


@dataclass(frozen=True, slots=True)
class Candidates:
    """What may be put together, each once, in the order of the query or the list."""

    references: list[Change]
    poses: list[Change]
    backgrounds: list[Change]


def asked_candidates(corpus: Corpus, references: str, poses: str, backgrounds: str) -> Candidates:
    """From SELECTs; '' is every kept clip, and backgrounds may be a list of presets and clips, too.

    The clip is in the column `clip_id`, or else the first, a reference's frame in `frame`. Raises QueryError.
    """
    return Candidates(_references(corpus, references), _poses(corpus, poses), _backgrounds(corpus, backgrounds))


def _references(corpus: Corpus, sql: str) -> list[Change]:
    if not sql:
        return [{"reference": clip_id, "reference_frame": None} for clip_id in corpus.kept_clip_ids()]
    rows = _run(corpus, "references", sql)
    clip_ids = _clip_ids("references", rows)
    frames = _frames(rows["frame"]) if "frame" in rows.column_names else [None] * len(clip_ids)
    pairs = dict.fromkeys(zip(clip_ids, frames, strict=True))
    return [{"reference": clip_id, "reference_frame": frame} for clip_id, frame in pairs]


def _poses(corpus: Corpus, sql: str) -> list[Change]:
    names = _clip_ids("poses", _run(corpus, "poses", sql)) if sql else corpus.kept_clip_ids()
    return [{"pose": clip_id} for clip_id in dict.fromkeys(names)]


def _backgrounds(corpus: Corpus, text: str) -> list[Change]:
    if _NAMES.fullmatch(text):
        names: Sequence[str] = [name.strip() for name in text.split(",")]
    else:
        names = _clip_ids("backgrounds", _run(corpus, "backgrounds", text))
    return [{"background": name} for name in dict.fromkeys(names)]


def _run(corpus: Corpus, what: str, sql: str) -> pa.Table:
    try:
        return run_query(corpus, sql).table
    except QueryError as error:
        raise QueryError(f"the query for {what}: {error}") from None


def _clip_ids(what: str, rows: pa.Table) -> list[str]:
    column = rows["clip_id"] if "clip_id" in rows.column_names else rows.column(0)
    values: list[Any] = column.to_pylist()
    if not all(isinstance(value, str) for value in values):
        raise QueryError(f"the query for {what}: clip ids are text; these are {column.type}, or null")
    return values


def _frames(column: pa.ChunkedArray) -> list[int | None]:
    if not pa.types.is_integer(column.type):
        raise QueryError(f"the query for references: frames are whole numbers; these are {column.type}")
    values: list[int | None] = column.to_pylist()
    return values
