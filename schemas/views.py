"""The SQL views of a corpus: its tables, clips with their licence, and keypoints and points in long form.

Each view reads a relation named `stored_<table>`, which holds the committed rows. Annotation and media rows show
only for clips that are committed and kept.
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.preference import preferred_sql
from schemas.skeletons import SKELETONS
from schemas.tables import CONFIDENCE_SCALE, COORDINATE_SCALE, NOBODY, TABLES, Table

STORED = "stored_"
"""Prefix of the relations that the views read."""
LONG_FORMS = ("keypoints", "points")
"""Views that are not tables."""
_FOUND = "present AND NOT (confidence = 0 AND x = 0 AND y = 0)"


def view_statements(preference: Mapping[str, str]) -> list[str]:
    """CREATE VIEW statements, in order.

    preference: by table, the annotator whose rows the long forms show where a clip has several; `poses`, `masks` and
    `tracks` show all.
    """
    tables = [f"CREATE VIEW {table.name} AS {_visible(table)}" for table in TABLES.values()]
    chosen = {t: preferred_sql(t, preference[t], f"{STORED}{t}") for t in ("poses", "tracks")}
    return [
        *tables,
        f"CREATE VIEW keypoints AS {_keypoints(chosen['poses'])}",
        f"CREATE VIEW points AS {_points(chosen['tracks'])}",
    ]


def _visible(table: Table) -> str:
    if table.name == "clips":
        return _CLIPS
    kept = f" WHERE clip_id IN (SELECT clip_id FROM {STORED}clips WHERE kept)"  # noqa: S608
    somebody = f" AND person <> {NOBODY}" if table.name == "poses" else ""
    condition = kept + somebody if table.clip_rows else ""
    return f"SELECT * FROM {STORED}{table.name}{condition}"  # noqa: S608


_CLIPS = f"""
SELECT c.*, s.licence, s.caption, s.listed_id
FROM {STORED}clips c LEFT JOIN (
    SELECT source_id, any_value(licence ORDER BY uri) AS licence, any_value(caption ORDER BY uri) AS caption,
        any_value(listed_id ORDER BY uri) AS listed_id
    FROM {STORED}sources WHERE sha256 <> '' GROUP BY source_id
) s USING (source_id)"""  # noqa: S608
"""With what the source list says of their source; where content came from several addresses, the first that says."""


def _names(joints: tuple[str, ...]) -> str:
    return "[" + ", ".join(f"'{joint}'" for joint in joints) + "]"


def _keypoints(poses: str) -> str:
    """A joint's lists are cut out before its frames are laid out, so that a query for some joints reads only theirs."""
    joint = "".join(f" WHEN '{s.name}' THEN {_names(s.joints)}[j + 1]" for s in SKELETONS.values())
    return f"""
SELECT clip_id, person, frame, joint,
    CASE WHEN {_FOUND} THEN CAST(x / {COORDINATE_SCALE} AS FLOAT) END AS x,
    CASE WHEN {_FOUND} THEN CAST(y / {COORDINATE_SCALE} AS FLOAT) END AS y,
    CAST(confidence / {CONFIDENCE_SCALE} AS FLOAT) AS confidence
FROM (
    SELECT clip_id, person, joint, unnest(CAST(range(frames) AS INTEGER[])) AS frame, unnest(present) AS present,
        unnest(x[begin:last]) AS x, unnest(y[begin:last]) AS y, unnest(confidence[begin:last]) AS confidence
    FROM (
        SELECT clip_id, person, frames, present, x, y, confidence, CASE skeleton{joint} END AS joint,
            j * frames + 1 AS begin, (j + 1) * frames AS last
        FROM (SELECT *, unnest(range(joints)) AS j FROM ({poses}))
    )
)"""  # noqa: S608


def _points(tracks: str) -> str:
    return f"""
SELECT clip_id, CAST(k // frames AS INTEGER) AS point, CAST(k % frames AS INTEGER) AS frame,
    CAST(x / {COORDINATE_SCALE} AS FLOAT) AS x, CAST(y / {COORDINATE_SCALE} AS FLOAT) AS y, visible, on_person
FROM (
    SELECT clip_id, frames, unnest(range(frames * points)) AS k,
        unnest(x) AS x, unnest(y) AS y, unnest(visible) AS visible, unnest(on_person) AS on_person
    FROM ({tracks})
)"""  # noqa: S608
