from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from pipelines.corpus.check import check
from pipelines.corpus.committer import Committer
from pipelines.corpus.query import run_query
from pipelines.corpus.read import Corpus
from schemas.config import Config
from schemas.errors import QueryError
from tests.command_line import figureground
from tests.pipelines.corpus_records import make_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("query") / "it's a [corpus]")


def test_scores_are_plain_columns(corpus: Path) -> None:
    sql = "SELECT count(*) AS n FROM clips WHERE kept AND person_area_mean > 0.1 AND luminance BETWEEN 0.4 AND 0.6"
    assert run_query(corpus, sql).table.to_pylist() == [{"n": 6}]


def test_rows_beyond_the_cap_are_left_out_and_it_is_said(corpus: Path) -> None:
    result = run_query(corpus, "SELECT * FROM keypoints ORDER BY clip_id, person, frame", max_rows=5)
    assert (result.table.num_rows, result.truncated) == (5, True)
    result = run_query(corpus, "SELECT * FROM sources", max_rows=2)
    assert (result.table.num_rows, result.truncated) == (2, False)
    assert run_query(corpus, "SELECT * FROM clips WHERE false").table.num_rows == 0


@pytest.mark.parametrize("sql", ["DESCRIBE clips", "SUMMARIZE sources", "WITH k AS (FROM clips) FROM k", "VALUES (1)"])
def test_what_reads_is_allowed(corpus: Path, sql: str) -> None:
    assert run_query(corpus, sql).table.num_rows > 0


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("", "one SELECT statement, got 0"),
        ("SELECT 1; SELECT 2", "one SELECT statement, got 2"),
        ("SELECT 1; DROP VIEW clips", "one SELECT statement, got 2"),
        ("DROP VIEW clips", "only SELECT is allowed, not DROP"),
        ("COPY clips TO 'x.csv'", "only SELECT is allowed, not COPY"),
        ("EXPLAIN ANALYZE COPY clips TO 'x.csv'", "only SELECT is allowed, not EXPLAIN"),
        ("ATTACH 'x.db'", "only SELECT is allowed, not ATTACH"),
        ("INSTALL httpfs", "only SELECT is allowed, not LOAD"),
        ("SET enable_external_access = true", "only SELECT is allowed, not SET"),
        ("PRAGMA database_list", "only SELECT is allowed, not PRAGMA"),
        ("CREATE TABLE x AS SELECT 1", "only SELECT is allowed, not CREATE"),
        ("CREATE OR REPLACE VIEW clips AS SELECT 1", "only SELECT is allowed, not CREATE"),
        ("INSERT INTO clips SELECT * FROM clips", "only SELECT is allowed, not INSERT"),
        ("UPDATE clips SET kept = true", "only SELECT is allowed, not UPDATE"),
        ("DELETE FROM clips", "only SELECT is allowed, not DELETE"),
        ("LOAD httpfs", "only SELECT is allowed, not LOAD"),
        ("DETACH memory", "only SELECT is allowed, not DETACH"),
        ("EXPORT DATABASE 'x'", "only SELECT is allowed, not EXPORT"),
        ("IMPORT DATABASE 'x'", "only SELECT is allowed"),
        ("CALL pragma_version()", "only SELECT is allowed, not CALL"),
        ("PREPARE p AS SELECT 1", "only SELECT is allowed, not PREPARE"),
        ("CREATE SECRET s (TYPE s3)", "only SELECT is allowed"),
        ("RESET memory_limit", "only SELECT is allowed"),
        ("SELEC 1", "syntax error"),
        ("SELECT nothing FROM clips", 'column "nothing" not found'),
        ("SELECT * FROM clip", "Did you mean"),
        ("SELECT 'a'::INT", "Could not convert"),
    ],
)
def test_anything_but_one_sound_select_is_refused_with_the_reason(corpus: Path, sql: str, message: str) -> None:
    with pytest.raises(QueryError) as error:
        run_query(corpus, sql)
    assert message.lower() in str(error.value).lower()


secret = pa.table({"leaked": [1]})


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('{secret}')",
        "SELECT * FROM read_csv('{secret}')",
        "SELECT * FROM read_blob('{secret}')",
        "SELECT * FROM '{secret}'",
        "SELECT * FROM glob('{folder}/*')",
        "SELECT * FROM read_parquet('{committed}')",
        "SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')",
        "SELECT * FROM read_json('{secret}')",
        "SELECT * FROM parquet_metadata('{committed}')",
        "SELECT * FROM sniff_csv('{secret}')",
        "SELECT * FROM sqlite_scan('{secret}', 't')",
        "SELECT * FROM postgres_scan('host=127.0.0.1', 'public', 't')",
        "SELECT * FROM read_parquet('s3://bucket/x.parquet')",
        "SELECT * FROM 'https://127.0.0.1:1/x.parquet'",
        "SELECT getenv('HOME')",
        "SELECT set_config('memory_limit', '100GB')",
        "WITH x AS (UPDATE clips SET kept = true RETURNING *) SELECT * FROM x",
        "WITH x AS (DELETE FROM clips RETURNING *) SELECT * FROM x",
        "SELECT * FROM secret",
        "SELECT * FROM globals",
        "SELECT * FROM query('SELECT * FROM read_text(''{secret}'')')",
        "WITH x AS (COPY clips TO '{folder}/out.csv') SELECT * FROM x",
        "WITH x AS (COPY (SELECT 1) TO '{folder}/out.csv' (USE_TMP_FILE false)) SELECT * FROM x",
        "WITH x AS (COPY (SELECT 1) TO '{committed}' (USE_TMP_FILE false)) SELECT * FROM x",
        "WITH x AS (INSERT INTO clips SELECT * FROM clips RETURNING *) SELECT * FROM x",
    ],
)
def test_files_network_and_variables_are_out_of_reach(corpus: Path, tmp_path: Path, sql: str) -> None:
    digest = check(corpus).digest
    (tmp_path / "secret.txt").write_text("secret")
    committed = str(Corpus(corpus).paths("clips")[0]).replace("'", "''")
    with pytest.raises(QueryError):
        run_query(corpus, sql.format(secret=tmp_path / "secret.txt", folder=tmp_path, committed=committed))
    assert [path.name for path in tmp_path.iterdir()] == ["secret.txt"]
    assert check(corpus).digest == digest


def test_a_write_hidden_in_a_serialized_statement_is_stopped(corpus: Path) -> None:
    committed = str(Corpus(corpus).paths("clips")[0]).replace("'", "''")
    sql = f"WITH x AS (COPY (SELECT 1) TO '{committed}' (USE_TMP_FILE false)) SELECT * FROM x"
    with duckdb.connect() as connection:
        ((tree,),) = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
    with pytest.raises(QueryError, match="Permission"):
        run_query(corpus, "SELECT * FROM json_execute_serialized_sql('" + tree.replace("'", "''") + "')")
    assert check(corpus).ok


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM range(100000000000) a, range(1000) b",
        "SELECT a.range FROM range(100000000000) a, range(1000) b",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n > 0) SELECT count(*) FROM r",
        "SELECT max(a.range * b.range) FROM range(10000000) a JOIN range(10000000) b ON a.range < b.range",
    ],
)
def test_a_query_that_never_ends_is_stopped(corpus: Path, sql: str) -> None:
    with pytest.raises(QueryError, match=r"longer than 0\.3 s"):
        run_query(corpus, sql, time_limit_s=0.3)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT list(range) FROM range(100000000)",
        "SELECT count(*) FROM (SELECT DISTINCT range, range * 7 FROM range(50000000))",
        "SELECT * FROM range(100000000) ORDER BY hash(range)",
    ],
)
def test_a_query_that_takes_more_memory_than_allowed_is_stopped(corpus: Path, sql: str) -> None:
    with pytest.raises(QueryError, match=r"(?i)memory|larger than"):
        run_query(corpus, sql, memory_bytes=100 * 2**20, time_limit_s=60)


def test_a_result_larger_than_memory_is_stopped(corpus: Path) -> None:
    with pytest.raises(QueryError, match="the result is larger"):
        run_query(corpus, "SELECT range FROM range(1000000000000)", memory_bytes=20 * 2**20, time_limit_s=60)


def test_a_function_that_does_not_listen_is_ended_with_its_process(corpus: Path) -> None:
    run = figureground("query", corpus, "SELECT length(repeat('x', 4000000000))", "--time-limit", "1")
    assert (run.returncode, run.stdout) == (1, "")
    assert "longer than 1 s" in run.stderr or "memory" in run.stderr.lower()


def test_the_command_line_takes_unsafe_statements_when_told(corpus: Path) -> None:
    sql = "SET threads = 1; SELECT current_setting('threads') AS threads"
    assert figureground("query", corpus, sql).returncode == 1
    assert '"threads": 1' in figureground("query", corpus, sql, "--unsafe", "--format", "json", check=True).stdout


def test_who_owns_the_machine_may_do_what_duckdb_can(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "clips.csv"
    sql = f"CREATE TABLE x AS SELECT clip_id FROM clips; COPY x TO '{out}'; SELECT count(*) AS n FROM read_csv('{out}')"
    with pytest.raises(QueryError, match="one SELECT"):
        run_query(corpus, sql)
    digest = check(corpus).digest
    assert run_query(corpus, sql, unsafe=True).table.to_pylist() == [{"n": 8}]
    assert run_query(corpus, "SET threads = 1", unsafe=True).table.num_rows == 0
    assert check(corpus).digest == digest


def test_a_damaged_page_is_an_error_not_an_answer(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    path = Corpus(make_corpus(tmp_path)).paths("poses")[0]
    column = pq.read_metadata(path).row_group(0).column(9)
    content = bytearray(path.read_bytes())
    content[column.data_page_offset + column.total_compressed_size - 5] ^= 1
    path.write_bytes(content)
    with pytest.raises(QueryError, match="CRC checksum"):
        run_query(tmp_path, "SELECT avg(x) FROM keypoints")
    assert run_query(tmp_path, "SELECT count(*) AS n FROM clips").table.to_pylist() == [{"n": 8}]


def test_an_empty_corpus_answers(tmp_path: Path) -> None:
    with Committer(tmp_path, Config()):
        pass
    assert run_query(tmp_path, "SELECT count(*) AS n FROM points JOIN clips USING (clip_id)").table.to_pylist() == [
        {"n": 0}
    ]


def test_a_process_outlives_the_limits_of_its_queries() -> None:
    program = """
import resource, time
from pipelines.cli.last_resort import contained
before = resource.getrlimit(resource.RLIMIT_DATA)
with contained(0.1):
    pass
time.sleep(2.5)
assert resource.getrlimit(resource.RLIMIT_DATA) == before
print("alive")
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stdout) == (0, "alive\n"), run.stderr
