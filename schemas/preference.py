"""Which annotator's rows stand for a clip where several have made some."""

from __future__ import annotations

from collections.abc import Iterable

TRUTH = "synthetic"
"""Annotator of the exact annotations of synthesized videos, which are preferred to all others."""


def preferred(names: Iterable[str], wanted: str) -> str:
    """The truth, if it is among the names; else `wanted`, if it is; else the first by name. Names: at least one."""
    return min(names, key=lambda name: (name != TRUTH, name != wanted, name))


def preferred_sql(table: str, wanted: str, among: str) -> str:
    """SELECT of a table's rows of each clip's preferred annotator, chosen as by `preferred`.

    among: relation that the annotators are chosen from; it may say of one that it found nobody.
    The `coalesce` makes DuckDB keep the chosen pairs in memory: of a bare `IN` it may keep the table, lists and all.
    Pairs are rows, since DuckDB before 1.1 compares no others.
    """
    order = f"annotator <> '{TRUTH}', annotator <> '{wanted.replace(chr(39), chr(39) * 2)}', annotator"
    chosen = f"SELECT row(clip_id, first(annotator ORDER BY {order})) FROM {among} GROUP BY clip_id"  # noqa: S608
    return f"SELECT * FROM {table} WHERE coalesce(row(clip_id, annotator) IN ({chosen}), false)"  # noqa: S608
