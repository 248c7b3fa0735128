from __future__ import annotations

import hashlib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from pipelines.corpus.committer import Committer
from pipelines.corpus.parts import PartWriter
from pipelines.corpus.read import Corpus
from schemas.config import Config
from schemas.errors import CorpusError
from schemas.records import Clip
from schemas.tables import TABLES
from tests.pipelines.corpus_records import make_annotation, make_clip, make_corpus, make_report, make_source


def write(root: Path, clips: list[Clip]) -> Corpus:
    with Committer(root, Config()) as committer:
        committer.add(PartWriter(root).write("part", clips, make_report(clips[0].source, len(clips))))
    return Corpus(root)


def test_every_array_comes_back_as_it_was_but_for_the_stored_precision(tmp_path: Path) -> None:
    clip = make_clip(make_source("a"), 0)
    stored, annotation = write(tmp_path, [clip]).annotation(clip.clip_id), clip.annotation
    assert annotation is not None
    assert (stored.pose_annotator, stored.mask_annotator) == (annotation.pose_annotator, annotation.mask_annotator)
    assert stored.track_annotator == annotation.track_annotator
    for found, person in zip(stored.persons, annotation.persons, strict=True):
        assert found.mask == person.mask
        assert found.pose.skeleton == person.pose.skeleton
        np.testing.assert_array_equal(found.pose.present_T, person.pose.present_T)
        np.testing.assert_allclose(found.pose.xy_TJ2, person.pose.xy_TJ2, atol=1 / 16)
        np.testing.assert_allclose(found.pose.confidence_TJ, person.pose.confidence_TJ, atol=1 / 200)
    np.testing.assert_allclose(stored.tracks.xy_NT2, annotation.tracks.xy_NT2, atol=1 / 16)
    np.testing.assert_array_equal(stored.tracks.visible_NT, annotation.tracks.visible_NT)
    np.testing.assert_array_equal(stored.tracks.on_person_NT, annotation.tracks.on_person_NT)
    np.testing.assert_array_equal(stored.tracks.query_frame_N, annotation.tracks.query_frame_N)


def test_the_video_and_its_time_stamps_come_back_unchanged(tmp_path: Path) -> None:
    clip = replace(make_clip(make_source("a"), 1), fps=Fraction(30000, 1001))
    corpus = write(tmp_path, [clip])
    assert corpus.media(clip.clip_id) == clip.media
    assert tuple(corpus.arrow("media")["pts"][0].as_py()) == clip.pts_T
    row = corpus.clip(clip.clip_id)
    assert (row["start_pts"], row["time_base"], row["fps"]) == (12, "1/25", pytest.approx(29.97, abs=1e-3))


def test_rejected_and_failed_candidates_keep_their_scores_and_reasons(tmp_path: Path) -> None:
    source = make_source("a")
    rejected = make_clip(source, 0, reasons=("luminance_low", "sharpness_low"))
    failed = replace(make_clip(source, 1), error="RuntimeError: no", annotation=None, media=None)
    corpus = write(tmp_path, [rejected, failed])
    row = corpus.clip(rejected.clip_id)
    assert (row["kept"], row["reject_reasons"], row["luminance"]) == (False, ["luminance_low", "sharpness_low"], 0.5)
    assert row["person_area_mean"] is None
    row = corpus.clip(failed.clip_id)
    assert (row["kept"], row["error"], row["reject_reasons"]) == (False, "RuntimeError: no", [])
    assert corpus.kept_clip_ids() == []
    with pytest.raises(CorpusError, match="has no media"):
        corpus.media(rejected.clip_id)


def test_a_kept_clip_without_persons_or_points_is_stored(tmp_path: Path) -> None:
    clip = replace(
        make_clip(make_source("a"), 0), annotation=make_annotation(np.random.default_rng(0), persons=0, points=0)
    )
    stored = write(tmp_path, [clip]).annotation(clip.clip_id)
    assert stored.persons == ()
    assert stored.tracks.xy_NT2.shape == (0, 12, 2)


def test_a_kept_clip_without_annotation_is_a_mistake(tmp_path: Path) -> None:
    clip = replace(make_clip(make_source("a"), 0), annotation=None)
    with pytest.raises(ValueError, match="kept but has no annotation"):
        PartWriter(tmp_path).write("part", [clip])


def test_the_source_row_says_what_the_decoder_counted(tmp_path: Path) -> None:
    corpus = Corpus(make_corpus(tmp_path, sources=1))
    row = corpus.arrow("sources").to_pylist()[0]
    assert (row["verdict"], row["reason"], row["container"], row["sample_aspect"]) == ("done", None, "mov,mp4", "1/1")
    assert (row["frames_decoded"], row["clips"], row["cut_times_s"]) == (48, 4, [1.0, 2.0, 3.0])


def test_pandas_pyarrow_and_deltalake_read_the_files_without_our_help(tmp_path: Path) -> None:
    corpus = Corpus(make_corpus(tmp_path / "a corpus [1]"))
    poses = pd.concat(pd.read_parquet(path) for path in corpus.paths("poses"))
    assert all(len(row.x) == row.frames * row.joints for row in poses.itertuples())
    assert sum(pq.read_table(path).num_rows for path in corpus.paths("clips")) == 8
    assert DeltaTable(corpus.layout.table("clips")).to_pyarrow_table().num_rows == 8


def test_files_are_delta_coded_checksummed_and_described(tmp_path: Path) -> None:
    corpus = Corpus(make_corpus(tmp_path))
    footer = pq.read_metadata(corpus.paths("tracks")[0])
    columns = {(c := footer.row_group(0).column(i)).path_in_schema: c for i in range(footer.num_columns)}
    assert "DELTA_BINARY_PACKED" in columns["x.list.element"].encodings
    assert columns["x.list.element"].compression == "ZSTD"
    schema = pq.read_schema(corpus.paths("tracks")[0])
    assert schema.field("x").metadata[b"unit"] == b"1/8 px"
    assert schema.metadata[b"description"].decode() == TABLES["tracks"].description
    media = pq.read_metadata(corpus.paths("media")[0])
    assert media.num_row_groups == media.num_rows


def test_the_delta_log_describes_the_columns_too(tmp_path: Path) -> None:
    corpus = Corpus(make_corpus(tmp_path))
    fields = {field.name: field for field in DeltaTable(corpus.layout.table("poses")).schema().fields}
    assert fields["x"].metadata == {
        "description": "J x T, joint-major; 0 where the joint was not found.",
        "unit": "1/8 px",
        "source": "annotate: pose",
    }


def test_a_file_is_named_after_its_content(tmp_path: Path) -> None:
    corpus = Corpus(make_corpus(tmp_path))
    for table in ("clips", "media", "sources"):
        for path in corpus.paths(table):
            assert path.stem.endswith(hashlib.sha256(path.read_bytes()).hexdigest()[:16])


def test_a_folder_that_is_no_corpus_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="is no corpus"):
        Corpus(tmp_path)
