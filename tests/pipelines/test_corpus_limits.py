"""A full disk, a disk that cannot be written, too few open files: real limits, in processes of their own."""

from __future__ import annotations

import resource
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from pipelines.corpus.check import check
from pipelines.corpus.layout import MANIFEST, Layout
from tests.command_line import REPOSITORY
from tests.pipelines.simulated import command, pretend, write_sources

SOURCES = 4
LARGE = "64m"


def can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run(["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /mnt"], capture_output=True, check=False)
    return tried.returncode == 0


needs_mounts = pytest.mark.skipif(not can_mount(), reason="no disk can be mounted here")


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sources(tmp_path_factory.mktemp("sources"), SOURCES)


@pytest.fixture(scope="module")
def expected(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    corpus = tmp_path_factory.mktemp("whole") / "corpus"
    assert pretend("curate", sources, "--corpus", corpus, "--quiet").returncode == 0
    digest = check(corpus).digest
    assert digest is not None
    return digest


def on_a_small_disk(disk: Path, size: str, *steps: str) -> subprocess.CompletedProcess[str]:
    """Run shell steps with a small disk mounted at a folder, in a name space of their own that ends with them."""
    disk.mkdir()
    script = "; ".join([f"mount -t tmpfs -o size={size} none {disk}", *steps])
    in_a_space = ["unshare", "-rm", "sh", "-c", script]
    return subprocess.run(in_a_space, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def step(*arguments: object) -> str:
    return f"{shlex.join(command(*arguments))} 2>&1; echo code $?"


@needs_mounts
@pytest.mark.parametrize("size", ["120k", *(pytest.param(s, marks=pytest.mark.slow) for s in ("40k", "200k", "260k"))])
def test_a_full_disk_stops_the_run_with_a_clear_word_and_the_next_run_finishes(
    sources: Path, expected: str, tmp_path: Path, size: str
) -> None:
    disk = tmp_path / "disk"
    curate = step("curate", sources, "--corpus", disk / "corpus", "--quiet")
    seen = step("check", disk / "corpus")
    run = on_a_small_disk(disk, size, curate, seen, f"mount -o remount,size={LARGE} {disk}", curate, seen)
    first, then, second, last = run.stdout.split("code ")[:4]
    assert "No space left on device" in first, run.stdout
    assert "Traceback" not in run.stdout
    assert then.startswith("1\n")
    assert "0 problems" in then or "is no corpus" in then
    assert last.startswith("0\n"), second
    assert f"0 problems; digest {expected}" in last


@needs_mounts
def test_a_corpus_on_a_read_only_disk_is_read_and_not_written(sources: Path, expected: str, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    few = sources.with_name("few.txt")
    few.write_text("".join(sources.read_text().splitlines(keepends=True)[:2]))
    begin, curate = (step("curate", s, "--corpus", disk / "corpus", "--quiet") for s in (few, sources))
    seen = step("check", disk / "corpus")
    run = on_a_small_disk(
        disk, LARGE, begin, f"mount -o remount,ro {disk}", curate, seen, f"mount -o remount,rw {disk}", curate, seen
    )
    refused, sound, _, last = run.stdout.split("code ")[1:5]
    assert "cannot write" in refused, run.stdout
    assert "Read-only file system" in refused
    assert "Traceback" not in run.stdout
    assert sound.startswith("1\n")
    assert "0 problems" in sound
    assert f"0 problems; digest {expected}" in last


@pytest.mark.parametrize("files", [18, *(pytest.param(n, marks=pytest.mark.slow) for n in (14, 16))])
def test_too_few_open_files_stop_the_run_with_a_clear_word_and_the_next_run_finishes(
    sources: Path, expected: str, tmp_path: Path, files: int
) -> None:
    corpus = tmp_path / "corpus"
    run = subprocess.run(
        command("curate", sources, "--corpus", corpus, "--quiet"),
        cwd=REPOSITORY,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "Too many open files" in run.stderr
    assert "Traceback" not in run.stderr
    if (corpus / MANIFEST).exists():
        assert check(corpus).problems == ()
    assert pretend("curate", sources, "--corpus", corpus, "--quiet").returncode == 0
    report = check(corpus)
    assert (report.problems, report.digest) == ((), expected)
    assert not [place for place in Layout.at(corpus).data_files("media") if place.name.startswith(".")]
