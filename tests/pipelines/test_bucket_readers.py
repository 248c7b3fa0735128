"""What only reads a corpus, over a bucket as over a folder: the site, exports, the database file, training."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from pipelines.corpus.database import write_database
from pipelines.corpus.read import Corpus
from pipelines.export.registry import HOMES
from pipelines.export.run import export
from pipelines.gallery.site import write_site
from tests.command_line import REPOSITORY, figureground
from tests.pipelines.s3_server import s3_server
from tests.pipelines.small_corpus import small_corpus

RECIPES = REPOSITORY / "docs" / "recipes"
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


def test_a_database_file_of_a_bucket_holds_the_rows_but_for_the_videos(
    bucket: str, folder: Path, tmp_path: Path
) -> None:
    figureground("duckdb", bucket, "--out", tmp_path / "there.duckdb", check=True)
    here = write_database(folder, tmp_path / "here.duckdb")
    with duckdb.connect(tmp_path / "there.duckdb", read_only=True) as copied, duckdb.connect(here) as views:
        for recipe in sorted(RECIPES.glob("*.sql")):
            assert copied.sql(recipe.read_text()).fetchall() == views.sql(recipe.read_text()).fetchall(), recipe.name
        assert (
            copied.sql("SELECT count(*) FROM points").fetchall() == views.sql("SELECT count(*) FROM points").fetchall()
        )
        assert copied.sql("SELECT count(*) FROM media").fetchall() == [(0,)]


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_the_windows_of_a_bucket_are_those_of_a_folder(workers: int, bucket: str, folder: Path) -> None:
    """With workers in a process of its own: a fork server keeps the environment it began with, buckets and all."""
    pytest.importorskip("torch", reason="training data needs torch")
    if workers:
        call = f"same_windows({workers}, {bucket!r}, {str(folder)!r})"
        command = (sys.executable, "-c", f"from tests.pipelines.test_bucket_readers import same_windows; {call}")
        run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=250, check=False)
        assert run.returncode == 0, run.stderr
    else:
        same_windows(workers, bucket, str(folder))


def same_windows(workers: int, *places: str) -> None:
    from pipelines.training_data.dataset import ClipDataset, Share
    from pipelines.training_data.stream import ClipStream, training_batches
    from transforms.training_clips.draw import ClipSettings

    sets = [ClipDataset([Share(place)], ClipSettings(32, 32, 4, 2), 7) for place in places]
    one, other = (next(training_batches(ClipStream(clips, 2), workers)) for clips in sets)
    assert one.frames_BW3HW.equal(other.frames_BW3HW)
    assert one.people_BW1HW.equal(other.people_BW1HW)


@pytest.mark.slow
def test_training_takes_the_address_of_a_bucket(bucket: str, tmp_path: Path) -> None:
    for package in ("torch", "accelerate", "diffusers"):
        pytest.importorskip(package, reason=f"training needs {package}")
    tiny = ("data.size=16", "data.frames=3", "data.batch=1", "data.pool_shards=0", "model.widths=[8, 8, 16]", "steps=1")
    settings = [word for setting in tiny for word in ("--set", setting)]
    command = ("train", "--corpus", bucket, "--config", "pocket-video", "--out", tmp_path / "run", "--json", *settings)
    run = figureground(*command, check=True)
    assert json.loads(run.stdout.splitlines()[-1])["steps"] == 1
