from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from schemas.skeletons import BLAZEPOSE_33
from schemas.tables import TABLES
from schemas.views import LONG_FORMS, STORED, comment_statements, view_statements

KEYPOINTS = [("clip_id", "VARCHAR"), ("person", "INTEGER"), ("frame", "INTEGER"), ("joint", "VARCHAR"),
             ("x", "FLOAT"), ("y", "FLOAT"), ("confidence", "FLOAT")]  # fmt: skip
POINTS = [("clip_id", "VARCHAR"), ("point", "INTEGER"), ("frame", "INTEGER"), ("x", "FLOAT"), ("y", "FLOAT"),
          ("visible", "BOOLEAN"), ("on_person", "BOOLEAN")]  # fmt: skip


def connect(rows: dict[str, list[dict[str, Any]]]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for name, table in TABLES.items():
        connection.register(f"{STORED}{name}", pa.Table.from_pylist(rows.get(name, []), table.schema))
    for statement in view_statements({"poses": "blazepose", "tracks": "lucas_kanade"}):
        connection.execute(statement)
    return connection


def test_every_column_of_every_view_says_what_it_is() -> None:
    with connect({}) as connection:
        for statement in comment_statements():
            connection.execute(statement)
        ours = "NOT internal AND table_name NOT LIKE 'stored%'"
        sql = f"SELECT table_name, column_name, comment FROM duckdb_columns() WHERE {ours}"
        said = {(view, column): comment for view, column, comment in connection.execute(sql).fetchall()}
    assert {view for view, _ in said} == {*TABLES, *LONG_FORMS}
    assert all(said.values())


def test_keypoints_of_all_annotators_are_one_view_and_the_preferred_ones_another() -> None:
    with connect({"clips": [clip("kept")], "poses": [pose("kept"), pose("kept") | {"annotator": "b"}]}) as connection:
        (shown,) = connection.execute("SELECT count(*) FROM keypoints").fetchall()
        all_of_them = connection.execute(
            "SELECT annotator, count(*) FROM all_keypoints GROUP BY ALL ORDER BY 1"
        ).fetchall()
    assert all_of_them == [("a", *shown), ("b", *shown)] and shown[0] == 2 * len(BLAZEPOSE_33.joints)


@pytest.mark.parametrize("view", ["keypoints", "joint_paths", "points"])
def test_a_join_keeps_the_chosen_annotators_in_memory_and_not_the_lists(
    view: str, connection: duckdb.DuckDBPyConnection
) -> None:
    ((_, plan),) = connection.execute(f"EXPLAIN SELECT x FROM {view}").fetchall()
    assert "MARK" in plan, "only of a mark join does DuckDB never keep the left side"


def test_the_path_of_a_joint_is_its_keypoints_as_lists(connection: duckdb.DuckDBPyConnection) -> None:
    lists = "unnest(range(frames)) AS frame, unnest(present) AS p, unnest(x) / 8 AS x, unnest(y) / 8 AS y"
    paths = connection.execute(
        f"SELECT joint, frame, x, y FROM (SELECT joint, {lists} FROM joint_paths) WHERE p ORDER BY ALL"
    )
    asked = "SELECT joint, frame, x, y FROM keypoints WHERE x IS NOT NULL ORDER BY ALL"
    assert paths.fetchall() == connection.execute(asked).fetchall() != []


def clip(clip_id: str, *, kept: bool = True) -> dict[str, Any]:
    return {
        "clip_id": clip_id,
        "source_id": "s",
        "shot": 0,
        "start_frame": 0,
        "end_frame": 2,
        "frames": 2,
        "kept": kept,
    }


def pose(clip_id: str) -> dict[str, Any]:
    count = len(BLAZEPOSE_33.joints) * 2
    return {
        "clip_id": clip_id, "source_id": "s", "person": 0, "annotator": "a", "weights_sha256": "", "frames": 2,
        "joints": len(BLAZEPOSE_33.joints), "skeleton": "blazepose_33", "present": [True, False],
        "x": [8 * (k // 2) + 4 for k in range(count)], "y": [-8] * count, "confidence": [k % 100 for k in range(count)],
    }  # fmt: skip


def tracks(clip_id: str) -> dict[str, Any]:
    return {
        "clip_id": clip_id, "source_id": "s", "annotator": "a", "weights_sha256": "", "frames": 2, "points": 3,
        "query_frame": [0, 0, 1], "x": [0, 8, 16, 24, 32, 41], "y": [1, 2, 3, 4, 5, 6],
        "visible": [True, True, False, True, True, False], "on_person": [False, False, False, True, False, False],
    }  # fmt: skip


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    ids = ("kept", "rejected", "uncommitted")
    with connect(
        {
            "clips": [clip("kept"), clip("rejected", kept=False)],
            "poses": [pose(i) for i in ids],
            "tracks": [tracks(i) for i in ids],
        }
    ) as connection:
        yield connection


def test_keypoints_name_the_joint_and_give_pixels(connection: duckdb.DuckDBPyConnection) -> None:
    rows = connection.sql("SELECT joint, frame, x, y, confidence FROM keypoints WHERE frame = 0").fetchall()
    by_joint = {row[0]: row for row in rows}
    for j, joint in enumerate(BLAZEPOSE_33.joints):
        assert by_joint[joint] == (joint, 0, j + 0.5, -1.0, pytest.approx((2 * j) / 100))


def test_a_joint_of_a_person_who_is_not_there_has_no_place(connection: duckdb.DuckDBPyConnection) -> None:
    assert connection.sql("SELECT DISTINCT x, y FROM keypoints WHERE frame = 1").fetchall() == [(None, None)]


def test_points_run_over_the_frames_of_each_point(connection: duckdb.DuckDBPyConnection) -> None:
    rows = connection.sql("SELECT * EXCLUDE clip_id FROM points ORDER BY point, frame").fetchall()
    assert rows == [
        (0, 0, 0.0, 0.125, True, False),
        (0, 1, 1.0, 0.25, True, False),
        (1, 0, 2.0, 0.375, False, False),
        (1, 1, 3.0, 0.5, True, True),
        (2, 0, 4.0, 0.625, True, False),
        (2, 1, 5.125, 0.75, False, False),
    ]


@pytest.mark.parametrize("view", ["poses", "tracks", "keypoints", "points"])
def test_only_committed_and_kept_clips_show(connection: duckdb.DuckDBPyConnection, view: str) -> None:
    assert connection.sql(f"SELECT DISTINCT clip_id FROM {view}").fetchall() == [("kept",)]


def test_rejected_candidates_show_in_clips(connection: duckdb.DuckDBPyConnection) -> None:
    assert connection.sql("SELECT count(*) FROM clips").fetchall() == [(2,)]


@pytest.mark.parametrize(("view", "columns"), [("keypoints", KEYPOINTS), ("points", POINTS)])
def test_the_long_forms_have_their_columns_even_when_empty(view: str, columns: list[tuple[str, str]]) -> None:
    with connect({}) as connection:
        assert connection.sql(f"SELECT column_name, column_type FROM (DESCRIBE {view})").fetchall() == columns
        assert connection.sql(f"SELECT * FROM {view}").fetchall() == []


@pytest.mark.parametrize("name", TABLES)
def test_a_table_shows_the_columns_of_its_schema(name: str) -> None:
    with connect({}) as connection:
        listed = ["licence", "caption", "listed_id"] if name == "clips" else []
        assert connection.sql(f"SELECT * FROM {name}").columns == TABLES[name].schema.names + listed


def test_a_clip_without_persons_or_points_has_no_rows() -> None:
    nothing = tracks("kept") | {"points": 0, "query_frame": [], "x": [], "y": [], "visible": [], "on_person": []}
    with connect({"clips": [clip("kept")], "tracks": [nothing]}) as connection:
        assert connection.sql("SELECT * FROM points").fetchall() == []
