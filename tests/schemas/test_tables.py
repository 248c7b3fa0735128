from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import Schema

from schemas.columns import Table
from schemas.scores import SCORE_NAMES
from schemas.tables import ANNOTATION_TABLES, CLIPS, RENDERS, TABLES

ALL_AND_RENDERS = pytest.mark.parametrize("table", [*TABLES.values(), RENDERS], ids=[*TABLES, "renders"])
ALL = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)


@ALL
def test_every_table_and_column_is_described(table: Table) -> None:
    assert table.description.endswith(".")
    for column in table.schema:
        assert column.metadata[b"description"], column.name


@ALL_AND_RENDERS
def test_every_number_has_a_unit_or_says_that_it_has_none_and_every_column_a_source(table: Table) -> None:
    for column in table.schema:
        of = column.type.value_type if pa.types.is_list(column.type) else column.type
        number = pa.types.is_integer(of) or pa.types.is_floating(of)
        assert (b"unit" in column.metadata) == number, column.name
        assert column.metadata[b"source"], column.name


@ALL
def test_the_descriptions_of_an_older_corpus_do_not_matter(table: Table, tmp_path: Path) -> None:
    other = pa.schema([field.with_metadata({"description": "as it was said then"}) for field in table.schema])
    pq.write_table(other.empty_table(), tmp_path / "old.parquet")
    assert pq.read_schema(tmp_path / "old.parquet").equals(table.schema)


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
