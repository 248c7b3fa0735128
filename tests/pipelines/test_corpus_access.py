"""Clips read by their places are clips read by a scan."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.corpus.access import ClipReader, _Places
from pipelines.corpus.compact import compact
from pipelines.corpus.layout import Layout
from pipelines.corpus.read import Corpus
from schemas.errors import CorpusError
from tests.pipelines.corpus_records import make_corpus


@pytest.mark.parametrize("compacted", [False, True])
def test_what_is_read_by_place_is_what_a_scan_finds(compacted: bool, tmp_path: Path) -> None:
    make_corpus(tmp_path, 3)
    if compacted:
        compact(tmp_path)
    corpus = Corpus(tmp_path)
    reader = pickle.loads(pickle.dumps(ClipReader(corpus)))
    ids = corpus.kept_clip_ids()
    assert len(ids) == 9
    for clip_id in ids:
        assert reader.media(clip_id) == corpus.media(clip_id)
        here, there = reader.annotation(clip_id), corpus.annotation(clip_id)
        assert here.pose_annotator == there.pose_annotator
        assert len(reader.persons(clip_id)) == len(here.persons) == len(there.persons) > 0
        for one, other in zip(here.persons, there.persons, strict=True):
            np.testing.assert_array_equal(one.pose.xy_TJ2, other.pose.xy_TJ2)
            assert one.mask == other.mask
    for stranger in ("", "no clip", "no clip " * 9):
        with pytest.raises(CorpusError, match="has no media"):
            reader.media(stranger)


def test_a_damaged_file_of_poses_is_not_taken_for_clips_without_persons(tmp_path: Path) -> None:
    make_corpus(tmp_path, 2, parts_per_batch=1)
    corpus = Corpus(tmp_path)
    damaged = corpus.paths("poses")[0]
    lost = set(pq.read_table(str(damaged), columns=["clip_id"])["clip_id"].to_pylist())
    Path(str(damaged)).write_bytes(b"no Parquet at all")
    reader = ClipReader(corpus)
    for clip_id in corpus.kept_clip_ids():
        if clip_id not in lost:
            assert reader.annotation(clip_id).persons
            continue
        for ask in (reader.annotation, reader.persons):
            with pytest.raises(CorpusError, match="cannot be read; run `figureground check`"):
                ask(clip_id)


@given(
    files=st.lists(st.lists(st.sampled_from(["a", "b", "bc", "é", "a b"]), max_size=12), max_size=3),
    rows_per_group=st.integers(1, 5),
)
def test_places_hold_every_row_once(files: list[list[str]], rows_per_group: int, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("places")
    for number, ids in enumerate(files):
        table = pa.table({"clip_id": pa.array(ids, pa.string())})
        pq.write_table(table, folder / f"{number}.parquet", row_group_size=rows_per_group, write_page_checksum=True)
    paths = [Layout.at(folder).root / f"{number}.parquet" for number in range(len(files))]
    places = _Places(paths)
    for clip_id in ("a", "b", "bc", "é", "a b", "c"):
        want = [
            (file, row // rows_per_group, row % rows_per_group)
            for file, ids in enumerate(files)
            for row, name in enumerate(ids)
            if name == clip_id
        ]
        spans = places.of(clip_id)
        assert [(s.file, s.group, row) for s in spans for row in range(s.start, s.end)] == want
