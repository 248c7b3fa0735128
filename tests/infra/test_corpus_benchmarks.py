"""The benchmarks of corpora measure what they say, on a corpus of a few clips."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.benchmarks import recipes
from infra.benchmarks.generated_corpus import generate
from infra.benchmarks.random_access import scanned
from pipelines.corpus.check import check
from pipelines.corpus.read import Corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus(generate(tmp_path_factory.mktemp("generated") / "corpus", 40, 40, frames=6))


def test_a_generated_corpus_is_a_sound_one(corpus: Corpus) -> None:
    report = check(corpus, deep=True)
    assert report.problems == ()
    assert (report.rows["clips"], report.rows["sources"], report.videos_decoded) == (40, 5, 40)


def test_of_a_generated_corpus_a_share_is_rejected_and_some_of_the_rest_annotated(tmp_path: Path) -> None:
    read = Corpus(generate(tmp_path, 100, 20, frames=4, rejected=0.4, whole=10))
    kept = len(read.kept_clip_ids())
    assert 40 < kept < 80
    for table, count in (("poses", 20), ("masks", 20), ("tracks", 10), ("media", 10)):
        assert set(read.arrow(table, ["clip_id"])["clip_id"].to_pylist()) == set(read.kept_clip_ids()[:count]), table


def test_a_scan_finds_what_random_access_finds(corpus: Corpus) -> None:
    for clip in corpus.clips()[::13]:
        arrays = clip.arrays()
        assert scanned(corpus, clip.clip_id) == (len(arrays.frames_THW3), len(arrays.keypoints_PTJ2))


def test_every_recipe_is_timed_and_none_fails(capsys: pytest.CaptureFixture[str]) -> None:
    recipes.times([40])
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 1 + 10
    assert all(" rows" in line for line in said[1:]), said


def test_bytes_are_told_of_every_annotation(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    recipes.sizes(str(corpus.root))
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[0] for row in rows] == ["poses", "masks", "tracks"]
    assert all(int(number.replace(",", "")) > 0 for row in rows for number in row[1:])
