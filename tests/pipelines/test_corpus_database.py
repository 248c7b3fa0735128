from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from pipelines.corpus.committer import Committer
from pipelines.corpus.database import write_database
from pipelines.corpus.read import Corpus
from schemas.config import Config
from schemas.errors import ConfigError, CorpusError
from schemas.tables import TABLES
from schemas.views import LONG_FORMS
from tests.command_line import figureground
from tests.pipelines.corpus_records import make_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus(make_corpus(tmp_path_factory.mktemp("database") / "it's a [corpus]"))


@pytest.mark.parametrize("view", [*TABLES, "keypoints", "points"])
def test_the_file_shows_what_the_corpus_shows(corpus: Corpus, tmp_path: Path, view: str) -> None:
    path = write_database(corpus, tmp_path / "corpus.duckdb")
    with duckdb.connect(str(path), read_only=True) as plain, corpus.connect() as ours:
        count = f"SELECT count(*), count(DISTINCT hash(t)) FROM {view} t"
        assert plain.execute(count).fetchall() == ours.execute(count).fetchall()
        assert plain.sql(f"FROM {view}").columns == ours.sql(f"FROM {view}").columns


def test_the_plain_command_line_of_duckdb_opens_it(corpus: Corpus, tmp_path: Path) -> None:
    command = shutil.which("duckdb", path=str(Path(sys.executable).parent)) or shutil.which("duckdb")
    if command is None:
        pytest.skip("DuckDB's command line is not installed: pip install duckdb-cli")
    path = write_database(corpus, tmp_path / "corpus.duckdb")
    sql = "SELECT count(*) AS n FROM keypoints JOIN clips USING (clip_id) WHERE kept"
    run = subprocess.run([command, "-csv", "-readonly", path, sql], capture_output=True, text=True, check=True)
    assert int(run.stdout.split()[1]) > 0


def test_a_list_of_tables_shows_the_views_alone(corpus: Corpus, tmp_path: Path) -> None:
    path = write_database(corpus, tmp_path / "stored.duckdb")
    with duckdb.connect(str(path), read_only=True) as plain:
        assert {name for (name,) in plain.execute("SHOW TABLES").fetchall()} == {*TABLES, *LONG_FORMS}


def test_columns_carry_their_meaning_and_unit(corpus: Corpus, tmp_path: Path) -> None:
    path = write_database(corpus, tmp_path / "corpus.duckdb")
    with duckdb.connect(str(path), read_only=True) as plain:
        of = "schema_name = 'main' AND table_name = 'clips' AND column_name = 'background_motion'"
        ((comment,),) = plain.execute(f"SELECT comment FROM duckdb_columns() WHERE {of}").fetchall()
    assert "speed of tracked points" in comment
    assert "[frame widths/s]" in comment


def test_an_empty_corpus_has_all_views(tmp_path: Path) -> None:
    with Committer(tmp_path / "corpus", Config()):
        pass
    path = write_database(tmp_path / "corpus", tmp_path / "corpus.duckdb")
    with duckdb.connect(str(path), read_only=True) as plain:
        assert plain.execute("SELECT count(*) FROM points JOIN clips USING (clip_id)").fetchall() == [(0,)]


def test_writing_again_replaces_the_file_and_an_impossible_place_is_an_error(corpus: Corpus, tmp_path: Path) -> None:
    path = tmp_path / "corpus.duckdb"
    write_database(corpus, path)
    write_database(corpus, path)
    assert [p.name for p in tmp_path.iterdir()] == ["corpus.duckdb"]
    (tmp_path / "file").touch()
    with pytest.raises(CorpusError, match="cannot write"):
        write_database(corpus, tmp_path / "file" / "corpus.duckdb")


def test_the_command_writes_the_file(corpus: Corpus, tmp_path: Path) -> None:
    run = figureground("duckdb", corpus.root, "--out", tmp_path / "made.duckdb", check=True)
    assert run.stdout.strip() == f"duckdb {tmp_path / 'made.duckdb'}"
    assert (tmp_path / "made.duckdb").stat().st_size > 0


def test_copied_tables_outlive_the_corpus_and_the_others_are_empty(tmp_path: Path) -> None:
    root = make_corpus(tmp_path / "corpus")
    with Corpus(root).connect() as ours:
        clips = ours.sql("SELECT clip_id, licence FROM clips ORDER BY 1").fetchall()
    figureground("duckdb", root, "--copy", "clips", "--copy", "sources", "--out", tmp_path / "made.duckdb", check=True)
    shutil.rmtree(root)
    with duckdb.connect(tmp_path / "made.duckdb", read_only=True) as plain:
        assert plain.sql("SELECT clip_id, licence FROM clips ORDER BY 1").fetchall() == clips
        assert plain.sql("SELECT count(*) FROM keypoints").fetchall() == [(0,)]
    with pytest.raises(ConfigError, match="clip: no such table; those are"):
        write_database(make_corpus(tmp_path / "again"), tmp_path / "made.duckdb", ["clip"])
