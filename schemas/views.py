"""The SQL views of a corpus: its tables, and keypoints and points in long form.

Each view reads a relation named `stored_<table>`, which holds the committed rows. Annotation and media rows show
only for clips that are committed and kept.
"""

from __future__ import annotations

from schemas.skeletons import SKELETONS
from schemas.tables import CONFIDENCE_SCALE, COORDINATE_SCALE, TABLES, Table

STORED = "stored_"
"""Prefix of the relations that the views read."""
LONG_FORMS = ("keypoints", "points")
"""Views that are not tables."""


def view_statements() -> list[str]:
    """CREATE VIEW statements, in order."""
    tables = [f"CREATE VIEW {table.name} AS {_visible(table)}" for table in TABLES.values()]
    return [*tables, f"CREATE VIEW keypoints AS {_keypoints()}", f"CREATE VIEW points AS {_POINTS}"]


def _visible(table: Table) -> str:
    condition = " WHERE clip_id IN (SELECT clip_id FROM clips WHERE kept)" if table.clip_rows else ""
    return f"SELECT * FROM {STORED}{table.name}{condition}"  # noqa: S608


def _names(joints: tuple[str, ...]) -> str:
    return "[" + ", ".join(f"'{joint}'" for joint in joints) + "]"


def _keypoints() -> str:
    joint = "".join(f" WHEN '{s.name}' THEN {_names(s.joints)}[k // frames + 1]" for s in SKELETONS.values())
    return f"""
SELECT clip_id, person, CAST(k % frames AS INTEGER) AS frame, CASE skeleton{joint} END AS joint,
    CASE WHEN present THEN CAST(x / {COORDINATE_SCALE} AS FLOAT) END AS x,
    CASE WHEN present THEN CAST(y / {COORDINATE_SCALE} AS FLOAT) END AS y,
    CAST(confidence / {CONFIDENCE_SCALE} AS FLOAT) AS confidence
FROM (
    SELECT clip_id, person, frames, skeleton, unnest(range(frames * joints)) AS k,
        unnest(flatten([present for j in range(joints)])) AS present,
        unnest(x) AS x, unnest(y) AS y, unnest(confidence) AS confidence
    FROM poses
)"""  # noqa: S608


_POINTS = f"""
SELECT clip_id, CAST(k // frames AS INTEGER) AS point, CAST(k % frames AS INTEGER) AS frame,
    CAST(x / {COORDINATE_SCALE} AS FLOAT) AS x, CAST(y / {COORDINATE_SCALE} AS FLOAT) AS y, visible, on_person
FROM (
    SELECT clip_id, frames, unnest(range(frames * points)) AS k,
        unnest(x) AS x, unnest(y) AS y, unnest(visible) AS visible, unnest(on_person) AS on_person
    FROM tracks
)"""  # noqa: S608
