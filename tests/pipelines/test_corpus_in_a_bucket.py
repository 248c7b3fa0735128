"""The same corpus at an s3:// address, over real HTTP: slow-downs, lost answers, kills and second drivers included."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.corpus.check import check
from pipelines.corpus.committer import Committer
from pipelines.corpus.compact import compact
from pipelines.corpus.holder import this_process
from pipelines.corpus.layout import Layout
from pipelines.corpus.lease import Lease, Pace
from pipelines.corpus.objects import ObjectPath
from pipelines.corpus.read import Corpus
from schemas.config import Config
from schemas.errors import CorpusError
from tests.command_line import figureground
from tests.pipelines.corpus_records import FORKS, add_source, make_corpus
from tests.pipelines.s3_server import s3_server
from tests.pipelines.test_corpus_crashes import killed_at, run
from tests.video_files import moving, write_video

SLOW = ("create.tables", "write.media.after", "redo.write.after", "commit.masks.after", "redo.delete.before")
BUCKET = "s3://data"
TINY = ("--recipe", "everything", "--set", "clips.min_s=1.5")


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    with s3_server() as environments:
        yield environments


@pytest.fixture
def s3(servers: tuple[dict[str, str], dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """This process finds the bucket."""
    for name, value in servers[0].items():
        monkeypatch.setenv(name, value)
    return servers[0]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("local")
    run(root)
    digest = check(root).digest
    assert digest is not None
    return digest


def test_a_corpus_curated_into_a_bucket_equals_one_in_a_folder(s3: dict[str, str], tmp_path: Path) -> None:
    video = write_video(tmp_path / "scene.mp4", moving(40))
    corpus = f"{BUCKET}/curated/corpus"
    for place in (tmp_path / "corpus", corpus):
        figureground("curate", video, "--corpus", place, *TINY, check=True)
    there = check(corpus, deep=True)
    assert there.problems == ()
    assert there.rows["media"] == there.videos_decoded == 1
    assert there.digest == check(tmp_path / "corpus").digest
    count = figureground("query", corpus, "SELECT count(*) AS n FROM clips", "--format", "json", check=True)
    assert json.loads(count.stdout) == [{"n": 1}]


def test_a_corpus_in_a_bucket_is_read_and_compacted_like_any_other(s3: dict[str, str], tmp_path: Path) -> None:
    place = f"{BUCKET}/read/corpus"
    make_corpus(place, sources=3, parts_per_batch=1)  # type: ignore[arg-type]
    here = Corpus(make_corpus(tmp_path, sources=3))
    clip_id = here.kept_clip_ids()[4]
    assert Corpus(place).media(clip_id) == here.media(clip_id)
    assert (Corpus(place).annotation(clip_id).tracks.xy_NT2 == here.annotation(clip_id).tracks.xy_NT2).all()
    done = compact(place)
    assert (done["poses"].files_before, done["poses"].files_after) == (6, 1)
    assert len(list(Layout.at(place).data_files("poses"))) == 1
    assert check(place).digest == check(tmp_path).digest


@pytest.mark.slow
@pytest.mark.parametrize("sources", [1, 6])
def test_slow_downs_and_answers_that_are_lost_change_nothing(
    servers: tuple[dict[str, str], dict[str, str]], s3: dict[str, str], sources: int, tmp_path: Path
) -> None:
    place = f"{BUCKET}/trouble{sources}/corpus"
    process = FORKS.Process(target=_with_environment, args=(servers[1], place, sources))
    process.start()
    process.join()
    assert process.exitcode == 0
    report = check(place)
    assert report.problems == ()
    assert report.digest == check(make_corpus(tmp_path, sources)).digest
    assert report.unfinished_batches == 0
    assert not Layout.at(place).lock.exists()


def _with_environment(environment: dict[str, str], place: str, sources: int) -> None:
    import os

    os.environ.update(environment)
    make_corpus(place, sources, parts_per_batch=2)  # type: ignore[arg-type]


@pytest.mark.parametrize("failpoint", ["commit.clips.after", *(pytest.param(n, marks=pytest.mark.slow) for n in SLOW)])
def test_a_driver_killed_while_it_writes_to_a_bucket_is_followed_by_one_that_finishes(
    s3: dict[str, str], failpoint: str, expected: str
) -> None:
    place = f"{BUCKET}/{failpoint}/corpus"
    killed_at(failpoint, run, place)  # type: ignore[arg-type]
    run(place)  # type: ignore[arg-type]
    report = check(place)
    assert report.problems == ()
    assert (report.digest, report.unfinished_batches) == (expected, 0)


@pytest.mark.slow
def test_the_command_killed_and_given_again_finishes_in_a_bucket(s3: dict[str, str], tmp_path: Path) -> None:
    video = write_video(tmp_path / "scene.mp4", moving(40))
    command = ("curate", video, *TINY, "--quiet", "--corpus")
    figureground(*command, tmp_path / "corpus", check=True)
    place = f"{BUCKET}/killed/corpus"
    killed = figureground(*command, place, FIGUREGROUND_FAILPOINT="commit.clips.after")
    assert killed.returncode == -signal.SIGKILL
    figureground(*command, place, check=True)
    assert check(place).digest == check(tmp_path / "corpus").digest


def test_of_two_drivers_one_wins_and_the_other_says_so(s3: dict[str, str], tmp_path: Path) -> None:
    place = f"{BUCKET}/two/corpus"
    video = write_video(tmp_path / "scene.mp4", moving(40))
    with Committer(place, Config()) as committer:
        loser = figureground("curate", video, "--corpus", place, "--quiet")
        add_source(committer, "winner")
    assert loser.returncode == 1
    assert f"{place} is being written by process" in loser.stderr
    assert "Traceback" not in loser.stderr
    assert check(place).rows["sources"] == 1


def test_a_lock_of_another_machine_that_never_changes_is_taken_over(s3: dict[str, str]) -> None:
    place = ObjectPath.parse(f"{BUCKET}/dead/_lock")
    place.create(json.dumps(this_process() | {"machine": "of another"}).encode())
    lease = Lease(place, "the corpus", Pace(beat_s=0.1, dead_s=0.6))
    lease.require()
    lease.release()
    assert not place.exists()


def test_a_holder_whose_lock_was_taken_writes_nothing_more(s3: dict[str, str]) -> None:
    place = ObjectPath.parse(f"{BUCKET}/taken/_lock")
    lease = Lease(place, "the corpus", Pace(beat_s=0.05, dead_s=60))
    place.write(b"another driver")
    while lease._thread.is_alive():
        time.sleep(0.05)
    with pytest.raises(CorpusError, match="the lock was lost"):
        lease.require()
    lease.release()
    assert place.read_bytes() == b"another driver"


def test_a_place_without_a_bucket_is_refused_with_the_reason() -> None:
    for address, words in {
        "memory://corpus": "the memory of this process is not seen by workers",
        "https://host/corpus": "in a folder, or in a bucket of s3 or gs",
        "s3://bucket": "expected s3://BUCKET/PREFIX",
    }.items():
        with pytest.raises(CorpusError, match=words):
            Layout.at(address)


def test_a_file_address_is_a_folder(tmp_path: Path) -> None:
    make_corpus(f"file://{tmp_path}/a%20corpus")  # type: ignore[arg-type]
    assert Corpus(tmp_path / "a corpus").root == Layout.at(f"file://{tmp_path}/a%20corpus").root


def test_a_bucket_that_is_not_there_is_named(s3: dict[str, str]) -> None:
    with pytest.raises(CorpusError, match="s3://nowhere/corpus"):
        Committer("s3://nowhere/corpus", Config()).__enter__()
