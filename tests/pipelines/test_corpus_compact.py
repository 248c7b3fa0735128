from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.corpus.check import check
from pipelines.corpus.committer import Committer
from pipelines.corpus.compact import compact
from pipelines.corpus.layout import Layout
from pipelines.corpus.read import Corpus
from schemas.config import Config
from schemas.errors import CorpusError
from tests.pipelines.corpus_records import add_source, make_corpus


def test_many_files_become_one_with_the_same_content_and_settings(tmp_path: Path) -> None:
    digest = check(make_corpus(tmp_path, sources=3, parts_per_batch=1)).digest
    done = compact(tmp_path)
    assert (done["poses"].files_before, done["poses"].files_after) == (6, 1)
    assert check(tmp_path).digest == digest
    assert check(tmp_path).ok
    media = pq.read_metadata(Corpus(tmp_path).paths("media")[0])
    assert media.num_row_groups == media.num_rows == 9
    clips = pq.read_metadata(Corpus(tmp_path).paths("clips")[0])
    assert (clips.num_row_groups, clips.num_rows) == (1, 12)


def test_what_is_replaced_is_removed_from_the_disk(tmp_path: Path) -> None:
    make_corpus(tmp_path, sources=3, parts_per_batch=1)
    compact(tmp_path)
    assert len(list(Layout.at(tmp_path).data_files("media"))) == 1


def test_compacting_again_changes_nothing(tmp_path: Path) -> None:
    make_corpus(tmp_path, parts_per_batch=1)
    compact(tmp_path)
    files = Corpus(tmp_path).files
    assert all(done.files_before == done.files_after for done in compact(tmp_path).values())
    assert Corpus(tmp_path).files == files


def test_large_files_are_left_alone(tmp_path: Path) -> None:
    make_corpus(tmp_path, parts_per_batch=1)
    before = Corpus(tmp_path).files["media"]
    compact(tmp_path, target_bytes=before[0].size_bytes)
    assert Corpus(tmp_path).files["media"] == before


def test_a_run_goes_on_after_compaction(tmp_path: Path) -> None:
    make_corpus(tmp_path / "a", sources=2)
    compact(tmp_path / "a")
    with Committer(tmp_path / "a", Config()) as committer:
        for i in range(3):
            add_source(committer, f"source{i}", reasons={1: "luminance_low"})
    assert check(tmp_path / "a").digest == check(make_corpus(tmp_path / "b", sources=3)).digest


def test_damage_is_not_copied(tmp_path: Path) -> None:
    path = Corpus(make_corpus(tmp_path, parts_per_batch=1)).paths("media")[0]
    column = pq.read_metadata(path).row_group(0).column(11)
    content = bytearray(path.read_bytes())
    content[column.data_page_offset + column.total_compressed_size - 5] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=f"{path.name} is damaged"):
        compact(tmp_path)
    assert path.exists()
