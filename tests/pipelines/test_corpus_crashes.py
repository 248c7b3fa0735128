"""The driver is killed at every place where it matters; the same run again must give the same corpus."""

from __future__ import annotations

import os
import shutil
import signal
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from pipelines.corpus.check import check
from pipelines.corpus.committer import Committer
from pipelines.corpus.compact import compact
from pipelines.corpus.duplicates import mark_near_duplicates
from pipelines.corpus.layout import Layout
from pipelines.corpus.read import Corpus
from pipelines.failpoints import VARIABLE
from schemas.config import Config
from schemas.tables import ANNOTATION_TABLES
from tests.pipelines.corpus_records import FORKS, add_source, make_corpus

TABLES = (*ANNOTATION_TABLES, "clips", "sources", "runs")
CREATING = ("create.before", "create.tables", "create.after")
RUNNING = (
    *(f"commit.{table}.after" for table in TABLES),
    *(f"redo.{step}.{side}" for step in ("write", "delete") for side in ("before", "after")),
    *("batch.begin", "batch.end", "duplicates.commit.before", "duplicates.commit.after"),
    *("close.flush", "close.sweep", "close.end"),
)
SLOW = (
    *(f"write.{table}.{side}" for table in TABLES for side in ("before", "after")),
    *(f"commit.{table}.before" for table in TABLES),
)
COMPACTING = tuple(f"compact.{step}.{side}" for step in ("publish", "commit") for side in ("before", "after"))
EVERY_HASH_MATCHES = 64


def run(root: Path) -> None:
    with Committer(root, Config(), parts_per_batch=2) as committer:
        for name in ("first", "second", "third"):
            add_source(committer, name, reasons={1: "luminance_low"})
        mark_near_duplicates(committer, EVERY_HASH_MATCHES)
        committer.add_run({"run_id": uuid4().hex, "started_at": datetime(2026, 1, 1, tzinfo=UTC), "command": "curate",
                           "engine": "local", "config": "{}", "versions": "{}", "counts": "{}"})  # fmt: skip


def killed_at(failpoint: str, target: object, root: Path) -> None:
    process = FORKS.Process(target=_with_environment, args=(os.environ | {VARIABLE: failpoint}, target, root))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL, f"{failpoint} was never reached"


def _with_environment(environment: dict[str, str], target: object, root: Path) -> None:
    """The fork server's environment is that of its own start."""
    os.environ.update(environment)
    target(root)  # type: ignore[operator]


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus that an earlier run began and left in order."""
    root = tmp_path_factory.mktemp("begun")
    with Committer(root, Config(), parts_per_batch=2) as committer:
        add_source(committer, "first", reasons={1: "luminance_low"})
    return root


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("uninterrupted")
    run(root)
    digest = check(root).digest
    assert digest is not None
    return digest


def assert_whole(root: Path, expected: str) -> None:
    report = check(root)
    assert report.problems == ()
    assert report.digest == expected
    assert report.unfinished_batches == 0
    corpus, layout = Corpus(root), Layout.at(root)
    for table in TABLES:
        assert {path.name for path in layout.data_files(table)} == {file.path for file in corpus.files[table]}


@pytest.mark.parametrize("failpoint", CREATING)
def test_a_run_killed_while_it_creates_the_corpus_starts_again(failpoint: str, tmp_path: Path, expected: str) -> None:
    killed_at(failpoint, run, tmp_path)
    run(tmp_path)
    assert_whole(tmp_path, expected)


@pytest.mark.parametrize("failpoint", [*RUNNING, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_a_killed_run_loses_nothing_and_doubles_nothing(
    failpoint: str, begun: Path, tmp_path: Path, expected: str
) -> None:
    root = Path(shutil.copytree(begun, tmp_path / "corpus"))
    killed_at(failpoint, run, root)
    assert check(root).problems == (), "what is visible after the kill must be whole"
    run(root)
    assert_whole(root, expected)


@pytest.mark.parametrize("failpoint", COMPACTING)
def test_a_killed_compaction_changes_nothing(failpoint: str, tmp_path: Path, expected: str) -> None:
    run(tmp_path)
    killed_at(failpoint, compact, tmp_path)
    assert check(tmp_path).digest == expected
    compact(tmp_path)
    assert_whole(tmp_path, expected)


def test_a_second_kill_while_a_batch_is_completed_is_survived(tmp_path: Path, expected: str) -> None:
    killed_at("commit.masks.after", run, tmp_path)
    assert check(tmp_path).unfinished_batches == 1
    killed_at("commit.clips.after", run, tmp_path)
    run(tmp_path)
    assert_whole(tmp_path, expected)


def test_an_uninterrupted_run_gives_the_same_corpus_whatever_the_size_of_its_batches(tmp_path: Path) -> None:
    one, many = (check(make_corpus(tmp_path / str(size), parts_per_batch=size)) for size in (64, 1))
    assert one.digest == many.digest
