"""Corpora of any number of clips in seconds: a few drawn clips under as many ids, with scores out of a hat.

python -m infra.benchmarks.generated_corpus FOLDER [--clips 5000] [--annotated N] [--whole N] [--size 64] [--frames 12]
"""

from __future__ import annotations

import argparse
import hashlib
import json
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.corpus.committer import Committer
from pipelines.corpus.layout import Layout, content_name, write_atomically
from pipelines.corpus.parquet import open_writer, rows_per_group
from pipelines.corpus.parts import DataFile
from pipelines.corpus.redo import Batch, commit_batch
from pipelines.corpus.rows import annotation_rows, clip_row, source_row
from schemas.config import Config, Limit
from schemas.records import Clip, SourceReport
from schemas.scores import SCORE_NAMES
from schemas.tables import ANNOTATION_TABLES, TABLES
from transforms.synthesis.clip import make_clip
from transforms.synthesis.drawing import SceneSettings, draw_scene

_DRAWN = 8
_CLIPS_PER_SOURCE = 8
_CLIPS_PER_FILE = 8192
_ROWS_PER_FILE = 100_000
_LIGHT = ("poses", "masks")
"""Tables that a million clips fill in minutes, on little disk."""
_LICENCES = ("CC0", "CC-BY-4.0", None)
_CAMERAS = ("static", "pan", "zoom", "parallax", "shake")
_CONFIG = Config(screening={"luminance": Limit(0.05, 0.9), "person_motion": Limit(min=0.1)})


def generate(
    root: Path,
    clips: int,
    annotated: int | None = None,
    size: int = 64,
    frames: int = 12,
    rejected: float = 0.0,
    whole: int | None = None,
) -> Path:
    """Write a corpus of `clips` candidates. Files of annotations hold 8,192 clips, as those of a compacted corpus may.

    annotated: so many kept ones have poses and masks; None: all. whole: so many of these have tracks and a video, too.
    size, frames: of every clip, px. rejected: share of the candidates that were not kept.
    """
    settings = SceneSettings(size, frames, Fraction(12), people=(1, 2))
    drawn = [make_clip(draw_scene((seed,), settings), f"/videos/{seed}.mp4") for seed in range(_DRAWN)]
    chance = np.random.default_rng(5)
    kept_N = chance.random(clips) >= rejected
    ids = [_clip_id(number, frames) for number in range(clips)]
    with Committer(root, _CONFIG) as committer:
        kept = [ids[n] for n in np.flatnonzero(kept_N)[:annotated]]
        files = []
        for name in ANNOTATION_TABLES:
            files += _rows(committer.layout, name, drawn, kept if name in _LIGHT else kept[:whole])
        files += _clips(committer.layout, drawn[0], ids, kept_N, chance)
        files += _sources(committer.layout, drawn[0], -(-clips // _CLIPS_PER_SOURCE), chance)
        files += [_write(committer.layout, "runs", "runs", pa.Table.from_pylist([_run()], TABLES["runs"].schema))]
        commit_batch(committer.layout, committer.tables, Batch(1, tuple(files)))
    return root


def _clip_id(number: int, frames: int) -> str:
    start = number % _CLIPS_PER_SOURCE * frames
    return f"{_source_id(number // _CLIPS_PER_SOURCE)}_{start}_{start + frames}"


def _source_id(number: int) -> str:
    return f"{number:016x}"


def _rows(layout: Layout, name: str, drawn: list[Clip], ids: list[str]) -> list[DataFile]:
    """Rows of an annotation table: those of the drawn clips over and over, under the ids."""
    rows = [annotation_rows(clip)[name] for clip in drawn]
    round_ = pa.Table.from_pylist([row for of_clip in rows for row in of_clip], TABLES[name].schema)
    clip_of_row = np.repeat(np.arange(_DRAWN), [len(of_clip) for of_clip in rows])
    files = []
    for first in range(0, len(ids), _CLIPS_PER_FILE):
        named = ids[first : first + _CLIPS_PER_FILE]
        rounds = -(-len(named) // _DRAWN)
        clip = (np.arange(rounds)[:, None] * _DRAWN + clip_of_row).ravel()
        clip = clip[clip < len(named)]
        content = pa.concat_tables([round_] * rounds).slice(0, len(clip))
        files.append(_write(layout, name, f"generated-{first:08d}", _with(content, _ids([named[n] for n in clip]))))
    return files


def _clips(layout: Layout, like: Clip, ids: list[str], kept_N: Any, chance: np.random.Generator) -> list[DataFile]:
    one = pa.Table.from_pylist([clip_row(like)], TABLES["clips"].schema)
    files = []
    for first in range(0, len(ids), _ROWS_PER_FILE):
        named, kept = ids[first : first + _ROWS_PER_FILE], kept_N[first : first + _ROWS_PER_FILE]
        count = len(named)
        scores = {name: chance.random(count) for name in SCORE_NAMES}
        columns = (
            _ids(named)
            | scores
            | {
                "duration_s": 2 + 8 * chance.random(count),
                "camera": chance.choice(_CAMERAS, count).tolist(),
                "kept": kept.tolist(),
                "reject_reasons": [[] if good else ["luminance_low"] for good in kept],
                "phash": [chance.bytes(40).hex() for _ in range(count)],
            }
        )
        content = _with(one.take(np.zeros(count, np.int64)), columns)
        files.append(_write(layout, "clips", f"generated-{first:08d}", content))
    return files


def _sources(layout: Layout, like: Clip, count: int, chance: np.random.Generator) -> list[DataFile]:
    one = pa.Table.from_pylist([source_row(SourceReport(like.source, "done"))], TABLES["sources"].schema)
    numbers = range(count)
    columns = {
        "uri": [f"https://videos.example/{number}.mp4" for number in numbers],
        "source_id": [_source_id(number) for number in numbers],
        "sha256": [f"{_source_id(number)}{'0' * 48}" for number in numbers],
        "duration_s": 40 + 60 * chance.random(count),
        "licence": [_LICENCES[number % len(_LICENCES)] for number in numbers],
    }
    return [_write(layout, "sources", "generated", _with(one.take(np.zeros(count, np.int64)), columns))]


def _run() -> dict[str, Any]:
    stages = {name: {"busy_s": 1000.0} for name in ("decode", "annotate", "encode")}
    return dict.fromkeys(TABLES["runs"].schema.names, "") | {
        "run_id": "generated",
        "started_at": datetime(2026, 1, 1, tzinfo=UTC),
        "seconds": 2000.0,
        "workers": 2,
        "counts": json.dumps({"stages": stages}),
    }


def _ids(clip_ids: list[str]) -> dict[str, Any]:
    return {"clip_id": clip_ids, "source_id": [clip_id.partition("_")[0] for clip_id in clip_ids]}


def _with(table: pa.Table, columns: dict[str, Any]) -> pa.Table:
    """The table with other values in some columns."""
    for name, values in columns.items():
        field = table.schema.field(name)
        table = table.set_column(table.schema.get_field_index(name), field, pa.array(values, field.type))
    return table


def _write(layout: Layout, name: str, stem: str, content: pa.Table) -> DataFile:
    sink = pa.BufferOutputStream()
    with open_writer(TABLES[name], sink) as writer:
        writer.write_table(content, row_group_size=rows_per_group(TABLES[name]))
    data = memoryview(sink.getvalue()).cast("B")
    path = content_name(stem, hashlib.sha256(data).hexdigest())
    write_atomically(layout.table(name) / path, data)
    return DataFile(name, path, len(data), len(content))


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    for name, default in (("clips", 5000), ("annotated", None), ("whole", None), ("size", 64), ("frames", 12)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    print(generate(given.folder, given.clips, given.annotated, given.size, given.frames, whole=given.whole))


if __name__ == "__main__":
    main()
