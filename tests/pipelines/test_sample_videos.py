"""The default recipe on sixteen labelled real videos, against what somebody saw in them."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from pipelines.corpus.check import check
from pipelines.corpus.read import Corpus
from schemas.scores import BACKGROUND_MOVES
from tests.command_line import figureground
from tests.conftest import SampleVideos

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

MUST_KEEP = (
    "soccer_juggle_static.mp4",
    "woman_dog_static.mp4",
    "tennis_serve_near_static.mp4",
    "woman_gestures_static_portrait.mp4",
    "figure_skater_fast_pan.mp4",
)


@pytest.fixture(scope="module")
def corpus(sample_videos: SampleVideos, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    path = tmp_path_factory.mktemp("samples") / "corpus"
    run = figureground("curate", sample_videos.folder, "--corpus", path, timeout_s=1700)
    assert run.returncode == 0, run.stderr
    return Corpus(path)


@pytest.fixture(scope="module")
def clips(corpus: Corpus) -> dict[str, list[dict[str, Any]]]:
    names = {row["source_id"]: Path(row["uri"]).name for row in corpus.arrow("sources").to_pylist()}
    by_name = defaultdict(list)
    for row in corpus.arrow("clips").to_pylist():
        by_name[names[row["source_id"]]].append(row)
    return by_name


def test_every_source_is_done(corpus: Corpus) -> None:
    rows = corpus.arrow("sources").to_pylist()
    assert len(rows) == 16
    assert {row["verdict"] for row in rows} == {"done"}


def test_nothing_is_kept_where_nobody_is_and_the_rows_say_so(
    sample_videos: SampleVideos, clips: dict[str, list[dict[str, Any]]]
) -> None:
    for name, video in sample_videos.manifest.items():
        if not video["expected"]["has_person"]:
            assert clips[name]
            assert all("person_count_low" in row["reject_reasons"] for row in clips[name]), name


@pytest.mark.parametrize("name", MUST_KEEP)
def test_a_clip_of_one_clear_person_is_kept(clips: dict[str, list[dict[str, Any]]], name: str) -> None:
    assert any(row["kept"] for row in clips[name])


def test_no_work_on_a_clip_failed(clips: dict[str, list[dict[str, Any]]]) -> None:
    assert [row["error"] for rows in clips.values() for row in rows if row["error"]] == []


def test_moving_backgrounds_are_told_from_still_ones(
    sample_videos: SampleVideos, clips: dict[str, list[dict[str, Any]]]
) -> None:
    wrong = [
        name
        for name, video in sample_videos.manifest.items()
        if (weighted_median(clips[name]) >= BACKGROUND_MOVES) != video["expected"]["background_moves"]
    ]
    assert len(wrong) <= 2, wrong


def test_two_people_close_together_are_followed_through_brief_losses(
    corpus: Corpus, clips: dict[str, list[dict[str, Any]]]
) -> None:
    (kept,) = [row["clip_id"] for row in clips["archaeologists_multishot.mp4"] if row["kept"]]
    poses = [row for row in corpus.arrow("poses").to_pylist() if row["clip_id"] == kept]
    first, second = (sum(row["present"]) / len(row["present"]) for row in sorted(poses, key=lambda row: row["person"]))
    assert first > 0.95
    assert second > 0.88


def test_stored_videos_are_as_long_as_their_annotations(corpus: Corpus) -> None:
    report = check(corpus, deep=True)
    assert report.ok, report.problems
    assert report.videos_decoded == len(corpus.kept_clip_ids())


def weighted_median(rows: list[dict[str, Any]]) -> float:
    """Background motion exceeded during half of the measured time."""
    measured = sorted((r["background_motion"], r["duration_s"]) for r in rows if r["background_motion"] is not None)
    half = sum(seconds for _, seconds in measured) / 2
    for motion, seconds in measured:
        half -= seconds
        if half <= 0:
            return float(motion)
    return 0.0
