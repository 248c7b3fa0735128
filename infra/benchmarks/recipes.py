"""What the ten recipes cost on generated corpora, and what annotations cost on disk beside naive JSON and npz.

python -m infra.benchmarks.recipes times [CLIPS ...]    (default: 5000 1000000)
python -m infra.benchmarks.recipes sizes CORPUS

times: median of three runs of `run_query`, opening of the corpus included, as the verb `query` does it. A recipe that
has taken a minute is run once. Three in ten candidates are rejected; all others have poses and masks, and the first
5,000 tracks and a video, which no recipe reads. A million take 2 GB of disk.
sizes: JSON and npz of the same numbers, one file a clip and annotation; npz both plain and compressed.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np

from infra.benchmarks.generated_corpus import generate
from pipelines.corpus.layout import size_bytes
from pipelines.corpus.query import run_query
from pipelines.corpus.read import Corpus
from schemas.errors import QueryError
from schemas.records import Annotation
from schemas.tables import TABLES

RECIPES = Path(__file__).resolve().parents[2] / "docs" / "recipes"
_WHOLE = 5000
_LONG_S = 60
_LIMIT_S = 3600.0
_TIMES = 3
Arrays = dict[str, Any]


def times(counts: list[int]) -> None:
    """Every recipe on a corpus of each size."""
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            root = generate(Path(folder) / "corpus", count, rejected=0.3, whole=_WHOLE)
            print(f"{count:,} clips; MB by table: {_in_words(table_bytes(root))}", flush=True)
            for path in sorted(RECIPES.glob("*.sql")):
                print(f"  {path.stem:32} {_timed(root, path.read_text())}", flush=True)


def table_bytes(root: Path) -> dict[str, int]:
    """Size on disk of the committed files of each table."""
    corpus = Corpus(root)
    return {name: sum(map(size_bytes, corpus.paths(name))) for name in TABLES}


def _in_words(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {size / 1e6:.1f}" for name, size in sizes.items() if size)


def _timed(root: Path, sql: str) -> str:
    wall_s: list[float] = []
    cpu_s: list[float] = []
    rows = 0
    while len(wall_s) < _TIMES and max(wall_s, default=0) < _LONG_S:
        started, used = time.perf_counter(), time.process_time()
        try:
            rows = len(run_query(root, sql, time_limit_s=_LIMIT_S).table)
        except QueryError as error:
            return f"failed: {str(error).splitlines()[0][:90]}"
        wall_s.append(time.perf_counter() - started)
        cpu_s.append(time.process_time() - used)
    return f"{median(wall_s):8.2f} s wall {median(cpu_s):8.2f} CPU s  {rows:9,} rows"


def sizes(root: str) -> None:
    """Bytes a clip of each annotation, in the corpus and otherwise."""
    corpus = Corpus(root)
    annotations = [clip.annotation() for clip in corpus.clips()]
    stored = table_bytes(Path(root))
    frames = mean(clip.row["frames"] for clip in corpus.clips())
    print(f"{len(annotations)} clips of {frames:.0f} frames on average; bytes a clip")
    print(f"  {'':8}{'Parquet':>10}{'JSON':>12}{'npz':>12}{'npz, compressed':>18}")
    for name in ("poses", "masks", "tracks"):
        made = [_arrays(annotation, name) for annotation in annotations]
        columns = [stored[name] / len(annotations), mean(map(_json_bytes, made))]
        columns += [mean(_npz_bytes(arrays, save) for arrays in made) for save in (np.savez, np.savez_compressed)]
        print(f"  {name:8}{columns[0]:10,.0f}{columns[1]:12,.0f}{columns[2]:12,.0f}{columns[3]:18,.0f}")


def _arrays(annotation: Annotation, name: str) -> Arrays:
    """The numbers of one annotation; masks as run lengths, as the corpus has them."""
    if name == "tracks":
        tracks = annotation.tracks
        return {
            "xy": tracks.xy_NT2,
            "visible": tracks.visible_NT,
            "on_person": tracks.on_person_NT,
            "query_frame": tracks.query_frame_N,
        }
    found: Arrays = {}
    for number, person in enumerate(annotation.persons):
        if name == "poses":
            found |= {f"xy_{number}": person.pose.xy_TJ2, f"confidence_{number}": person.pose.confidence_TJ}
        else:
            found |= {f"rle_{number}": np.array(person.mask.rle), f"area_{number}": np.array(person.mask.area_px)}
    return found


def _json_bytes(arrays: Arrays) -> int:
    return len(json.dumps({name: values.tolist() for name, values in arrays.items()}))


def _npz_bytes(arrays: Arrays, save: Any) -> int:
    file = io.BytesIO()
    save(file, **arrays)
    return file.tell()


def main(what: str = "", *arguments: str) -> None:
    """See the module."""
    if what == "times":
        times([int(a) for a in arguments] or [5000, 1_000_000])
    elif what == "sizes" and len(arguments) == 1:
        sizes(arguments[0])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
