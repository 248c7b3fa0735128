from __future__ import annotations

import pyarrow as pa
import pytest
from deltalake import Schema

from schemas.scores import SCORE_NAMES
from schemas.tables import ANNOTATION_TABLES, CLIPS, TABLES, Table

ALL = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)


@ALL
def test_every_table_and_column_is_described(table: Table) -> None:
    assert table.description.endswith(".")
    for column in table.schema:
        assert column.metadata[b"description"], column.name


@ALL
def test_the_key_is_made_of_columns_that_are_never_null(table: Table) -> None:
    for name in table.key:
        assert not table.schema.field(name).nullable


@ALL
def test_delta_lake_can_hold_every_type_and_gives_it_back(table: Table) -> None:
    back = pa.schema(Schema.from_arrow(table.schema).to_arrow())
    assert [(f.name, f.nullable) for f in back] == [(f.name, f.nullable) for f in table.schema]
    for ours, theirs in zip(table.schema, back, strict=True):
        assert theirs.type.equals(ours.type)
        assert theirs.metadata == ours.metadata


@ALL
def test_delta_coded_columns_are_lists_of_integers(table: Table) -> None:
    for name in table.delta_coded:
        assert pa.types.is_integer(table.schema.field(name).type.value_type)


def test_every_score_is_a_column_of_clips() -> None:
    assert set(SCORE_NAMES) <= set(CLIPS.schema.names)


def test_annotation_tables_are_keyed_by_clip() -> None:
    assert set(ANNOTATION_TABLES) == {"poses", "masks", "tracks", "media"}
    assert all(TABLES[name].key[0] == "clip_id" for name in ANNOTATION_TABLES)


def test_clips_stays_narrow() -> None:
    assert not any(pa.types.is_binary(column.type) for column in CLIPS.schema)
