"""What only reads a corpus, over a bucket as over a folder: the site, exports, the database file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.corpus.read import Corpus
from pipelines.export.registry import HOMES
from pipelines.export.run import export
from pipelines.gallery.site import write_site
from tests.command_line import figureground
from tests.pipelines.s3_server import s3_server
from tests.pipelines.small_corpus import small_corpus

PLACE = "s3://data/readers/corpus"


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The small corpus in a bucket; this process and its children find it."""
    with s3_server() as (direct, _), pytest.MonkeyPatch.context() as patch:
        for name, value in direct.items():
            patch.setenv(name, value)
        yield small_corpus(PLACE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_corpus(tmp_path_factory.mktemp("readers") / "corpus")


def contents(folder: Path) -> dict[str, str]:
    """Digest of every file by name; of what tells the time or the folder (recordings, lists of paths), the name."""
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    same = {name for name in files if not name.startswith(".") and not name.endswith((".rrd", "_meta.json"))}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() if name in same else "" for name, path in files.items()}


@pytest.mark.parametrize(
    "format_", ["coco", "parquet", *(pytest.param(n, marks=pytest.mark.slow) for n in HOMES if n[0] not in "cp")]
)
def test_an_export_from_a_bucket_equals_one_from_a_folder(
    bucket: str, folder: Path, tmp_path: Path, format_: str
) -> None:
    for place, out in ((bucket, "there"), (folder, "here")):
        assert export(place, tmp_path / out, format_).written == 4
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_a_site_of_a_bucket_shows_what_one_of_a_folder_does(bucket: str, folder: Path, tmp_path: Path) -> None:
    for place, out in ((bucket, "there"), (folder, "here")):
        assert write_site(Corpus(place), tmp_path / out).drawn == 4
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_a_database_file_of_a_bucket_is_refused_with_another_way(bucket: str, tmp_path: Path) -> None:
    run = figureground("duckdb", bucket, "--out", tmp_path / "corpus.duckdb")
    assert (run.returncode, list(tmp_path.iterdir())) == (1, [])
    assert "figureground query" in run.stderr
    assert "Traceback" not in run.stderr
