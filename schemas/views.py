"""The SQL views of a corpus: its tables, clips with their licence, and keypoints and points in long form.

Each view reads a relation that holds the committed rows: `stored_<table>`, or in a database file `stored_rows.<table>`.
Annotation and media rows show only for clips that are committed and kept.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from schemas.columns import Table
from schemas.preference import preferred_sql
from schemas.skeletons import SKELETONS
from schemas.tables import CONFIDENCE_SCALE, COORDINATE_SCALE, NOBODY, TABLES

STORED = "stored_"
"""Prefix of the relations that the views read."""
LONG_FORMS = {
    "keypoints": "A row per kept clip, person, joint and frame: of the preferred annotator.",
    "all_keypoints": "The same of every annotator.",
    "joint_paths": "A row per kept clip, person and joint: lists with an entry a frame, of the preferred annotator.",
    "points": "A row per kept clip, background point and frame: of the preferred annotator.",
}
"""Views that are not tables, with what they hold."""
_CLIPS_COLUMNS = {
    "licence": "Licence of the source by its source list; of several for equal content, the first by uri",
    "caption": "Caption of the source by its source list",
    "listed_id": "Id of the source by its source list",
}
_KEYPOINTS_COLUMNS = {
    "clip_id": "As in clips",
    "person": "0 is the main person",
    "frame": "Frame of the clip, from 0",
    "joint": "Name by the skeleton of poses; left and right are the person's own",
    "x": "From the centre of the leftmost pixel; null where the joint was not found [px]",
    "y": "From the centre of the topmost pixel; null where the joint was not found [px]",
    "confidence": "How sure the annotator is [0..1]",
}
_PATHS_COLUMNS = {
    "clip_id": "As in clips",
    "person": "0 is the main person",
    "joint": "Name by the skeleton of poses",
    "frames": "Length of the lists",
    "present": "Whether the person is seen in this frame",
    "x": "As in poses [1/8 px]",
    "y": "As in poses [1/8 px]",
    "confidence": "As in poses; 0 where the joint was not found [1/100]",
}
_POINTS_COLUMNS = {
    "clip_id": "As in clips",
    "point": "Number of the point in its clip, from 0",
    "frame": "Frame of the clip, from 0",
    "x": "From the centre of the leftmost pixel; last known place where not visible [px]",
    "y": "From the centre of the topmost pixel; last known place where not visible [px]",
    "visible": "Whether the point is seen in this frame",
    "on_person": "Whether a person covers it in this frame",
}
VIEW_COLUMNS = {
    "clips": _CLIPS_COLUMNS,
    "keypoints": _KEYPOINTS_COLUMNS,
    "all_keypoints": {"annotator": "As in poses"} | _KEYPOINTS_COLUMNS,
    "joint_paths": _PATHS_COLUMNS,
    "points": _POINTS_COLUMNS,
}
"""What columns mean that no table has."""
_FOUND = "present AND NOT (confidence = 0 AND x = 0 AND y = 0)"


def view_statements(preference: Mapping[str, str], stored: str = STORED) -> list[str]:
    """CREATE VIEW statements, in order.

    preference: by table, the annotator whose rows `keypoints` and `points` show where a clip has several; the others
    show all. stored: what stands before the names of the tables in those of the relations that the views read.
    """
    tables = [f"CREATE VIEW {table.name} AS {_visible(table, stored)}" for table in TABLES.values()]
    chosen = {t: preferred_sql(t, preference[t], f"{stored}{t}") for t in ("poses", "tracks")}
    return [
        *tables,
        f"CREATE VIEW keypoints AS {_keypoints(chosen['poses'])}",
        f"CREATE VIEW joint_paths AS {_by_joint(chosen['poses'])}",
        f"CREATE VIEW all_keypoints AS {_keypoints('FROM poses', 'annotator, ')}",
        f"CREATE VIEW points AS {_points(chosen['tracks'])}",
    ]


def comment_statements() -> list[str]:
    """What the views and their columns mean, where DuckDB's own tools show it."""
    views = {table.name: table.description for table in TABLES.values()} | LONG_FORMS
    columns = {table.name: {field.name: _meaning(field) for field in table.schema} for table in TABLES.values()}
    return [
        *(f"COMMENT ON VIEW {name} IS {quoted(said)}" for name, said in views.items()),
        *(
            f"COMMENT ON COLUMN {view}.{column} IS {quoted(said)}"
            for view in views
            for column, said in (columns.get(view, {}) | VIEW_COLUMNS.get(view, {})).items()
        ),
    ]


def quoted(text: str) -> str:
    """A string of SQL."""
    return "'" + text.replace("'", "''") + "'"


def _meaning(field: pa.Field) -> str:
    described, unit, source = (
        str(field.metadata.get(key, b""), "utf-8") for key in (b"description", b"unit", b"source")
    )
    return f"{described} [{unit}] Source: {source}." if unit else f"{described} Source: {source}."


def _visible(table: Table, stored: str) -> str:
    if table.name == "clips":
        return _clips(stored)
    kept = f" WHERE clip_id IN (SELECT clip_id FROM {stored}clips WHERE kept)"  # noqa: S608
    somebody = f" AND person <> {NOBODY}" if table.name == "poses" else ""
    condition = kept + somebody if table.clip_rows else ""
    return f"SELECT * FROM {stored}{table.name}{condition}"  # noqa: S608


def _clips(stored: str) -> str:
    """With what the source list says of their source; of content from several addresses, the first that says."""
    return f"""
SELECT c.*, s.licence, s.caption, s.listed_id
FROM {stored}clips c LEFT JOIN (
    SELECT source_id, any_value(licence ORDER BY uri) AS licence, any_value(caption ORDER BY uri) AS caption,
        any_value(listed_id ORDER BY uri) AS listed_id
    FROM {stored}sources WHERE sha256 <> '' GROUP BY source_id
) s USING (source_id)"""  # noqa: S608


def _names(joints: tuple[str, ...]) -> str:
    return "[" + ", ".join(f"'{joint}'" for joint in joints) + "]"


def _by_joint(poses: str, more: str = "") -> str:
    """A row per person and joint, whose lists are cut out, as they are stored. more: columns, a comma behind each."""
    joint = "".join(f" WHEN '{s.name}' THEN {_names(s.joints)}[j + 1]" for s in SKELETONS.values())
    return f"""
    SELECT {more}clip_id, person, joint, frames, present,
        x[begin:last] AS x, y[begin:last] AS y, confidence[begin:last] AS confidence
    FROM (
        SELECT {more}clip_id, person, frames, present, x, y, confidence, CASE skeleton{joint} END AS joint,
            j * frames + 1 AS begin, (j + 1) * frames AS last
        FROM (SELECT *, unnest(range(joints)) AS j FROM ({poses}))
    )"""  # noqa: S608


def _keypoints(poses: str, more: str = "") -> str:
    """A joint's lists are cut out before its frames are laid out, so that a query for some joints reads only theirs."""
    return f"""
SELECT {more}clip_id, person, frame, joint,
    CASE WHEN {_FOUND} THEN CAST(x / {COORDINATE_SCALE} AS FLOAT) END AS x,
    CASE WHEN {_FOUND} THEN CAST(y / {COORDINATE_SCALE} AS FLOAT) END AS y,
    CAST(confidence / {CONFIDENCE_SCALE} AS FLOAT) AS confidence
FROM (
    SELECT {more}clip_id, person, joint, unnest(CAST(range(frames) AS INTEGER[])) AS frame, unnest(present) AS present,
        unnest(x) AS x, unnest(y) AS y, unnest(confidence) AS confidence
    FROM ({_by_joint(poses, more)})
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
