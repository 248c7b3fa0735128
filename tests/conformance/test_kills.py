"""The command is killed at every place that matters, and at random times; given again, it finishes the same corpus."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from pipelines.corpus.check import check
from pipelines.corpus.layout import MANIFEST
from pipelines.corpus.read import Corpus
from pipelines.failpoints import ONCE_VARIABLE, VARIABLE
from schemas.tables import ANNOTATION_TABLES, TABLES
from tests.command_line import REPOSITORY
from tests.pipelines.simulated import CLIPS_VARIABLE, command, pretend, write_sources

IN_THE_DRIVER = (
    *("create.before", "create.tables", "create.after", "batch.begin", "batch.end"),
    *(f"write.{table}.{side}" for table in ("clips", "sources", "runs") for side in ("before", "after")),
    *(f"redo.{step}.{side}" for step in ("write", "delete") for side in ("before", "after")),
    *(f"commit.{table}.{side}" for table in TABLES for side in ("before", "after")),
    *("duplicates.commit.before", "duplicates.commit.after", "close.flush", "close.sweep", "close.end"),
)
IN_A_WORKER = (
    *(f"write.{table}.{side}" for table in ANNOTATION_TABLES for side in ("before", "after")),
    *(f"stage.{name}.{side}" for name in ("decode", "annotate") for side in ("before", "after")),
)
QUICK = ("commit.tracks.after", "stage.annotate.after")
SOURCES = 3
MANY_LOOK_ALIKE = ("--set", "near_duplicate_bits=30")


def curate(sources: Path, corpus: Path, engine: str = "local") -> tuple[object, ...]:
    options = ("--engine", engine, "--workers", 1, "--quiet", *MANY_LOOK_ALIKE)
    return ("curate", sources, "--corpus", corpus, *options)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sources(tmp_path_factory.mktemp("sources"), SOURCES)


@pytest.fixture(scope="module")
def expected(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    corpus = tmp_path_factory.mktemp("whole") / "corpus"
    run = pretend(*curate(sources, corpus))
    assert run.returncode == 0, run.stderr
    kept = len(Corpus(corpus).kept_clip_ids())
    assert f"1 set aside as a near-duplicate, {kept} clips kept in the corpus" in run.stdout
    return digest_of(corpus)


def digest_of(corpus: Path) -> str:
    report = check(corpus)
    assert report.problems == ()
    assert report.digest is not None
    return report.digest


def slow_but(quick: tuple[str, ...], names: tuple[str, ...]) -> list[object]:
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in names]


def kill_and_finish(failpoint: str, sources: Path, corpus: Path, engine: str = "local") -> str:
    killed = pretend(*curate(sources, corpus, engine), **{VARIABLE: failpoint})
    assert killed.returncode == -signal.SIGKILL, f"{failpoint} was never reached: {killed.stderr}"
    if (corpus / MANIFEST).exists():
        assert check(corpus).problems == (), "what is visible after the kill must be whole"
    finished = pretend(*curate(sources, corpus, engine))
    assert finished.returncode == 0, finished.stderr
    assert check(corpus).unfinished_batches == 0
    return digest_of(corpus)


@pytest.mark.parametrize("failpoint", slow_but(QUICK, IN_THE_DRIVER))
def test_a_driver_killed_anywhere_is_followed_by_one_that_finishes(
    failpoint: str, sources: Path, expected: str, tmp_path: Path
) -> None:
    assert kill_and_finish(failpoint, sources, tmp_path / "corpus") == expected


@pytest.mark.parametrize("failpoint", slow_but(QUICK, IN_A_WORKER))
def test_a_worker_killed_while_it_writes_is_replaced_within_the_run(
    failpoint: str, sources: Path, expected: str, tmp_path: Path
) -> None:
    once = tmp_path / "once"
    run = pretend(*curate(sources, tmp_path / "corpus"), **{VARIABLE: failpoint, ONCE_VARIABLE: str(once)})
    assert run.returncode == 0, run.stderr
    assert once.exists(), f"{failpoint} was never reached"
    assert digest_of(tmp_path / "corpus") == expected


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["ray", "beam"])
@pytest.mark.parametrize("failpoint", IN_THE_DRIVER)
def test_a_driver_killed_on_another_engine_is_followed_by_one_that_finishes(
    failpoint: str, engine: str, sources: Path, expected: str, tmp_path: Path
) -> None:
    assert kill_and_finish(failpoint, sources, tmp_path / "corpus", engine) == expected


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["ray", "beam"])
@pytest.mark.parametrize("failpoint", IN_A_WORKER)
def test_a_worker_killed_on_another_engine_is_replaced_within_the_run(
    failpoint: str, engine: str, sources: Path, expected: str, tmp_path: Path
) -> None:
    once = tmp_path / "once"
    run = pretend(*curate(sources, tmp_path / "corpus", engine), **{VARIABLE: failpoint, ONCE_VARIABLE: str(once)})
    assert run.returncode == 0, run.stderr
    assert once.exists(), f"{failpoint} was never reached"
    assert digest_of(tmp_path / "corpus") == expected


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_hundred_kills_at_random_times_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: int = 100, count: int = 400
) -> None:
    monkeypatch.setenv(CLIPS_VARIABLE, "16")
    sources, chance = write_sources(tmp_path / "sources", count), random.Random(11)
    started = time.monotonic()
    assert pretend(*curate(write_sources(tmp_path / "one", 1), tmp_path / "warm")).returncode == 0
    start_s = time.monotonic() - started
    hit = 0
    for number in range(kills):
        hit += killed_within(chance.uniform(0.1, 2.5) * start_s, sources, tmp_path / "corpus")
        if number % 10 == 9 and (tmp_path / "corpus" / MANIFEST).exists():
            assert check(tmp_path / "corpus").problems == ()
    assert hit > kills / 2, "most of the kills must find the command at work"
    assert pretend(*curate(sources, tmp_path / "corpus")).returncode == 0
    assert pretend(*curate(sources, tmp_path / "whole")).returncode == 0
    assert digest_of(tmp_path / "corpus") == digest_of(tmp_path / "whole")


def killed_within(seconds: float, sources: Path, corpus: Path) -> bool:
    """Start the command and kill it after so long; False if it had finished by then."""
    with subprocess.Popen(
        command(*curate(sources, corpus)), cwd=REPOSITORY, env=os.environ, stdout=subprocess.DEVNULL
    ) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return True
    assert process.returncode == 0
    return False
