"""What a column and a table of a corpus are: types, units, meanings and where values come from.

Types keep to what Delta Lake has: no unsigned, float16 or fixed-size lists.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

NO_UNIT = "none"
"""Unit of numbers that have none, such as running numbers."""
STR, BOOL, F64, I32, I64 = "string", "bool", "double", "int32", "int64"
BINARY, TIME = "binary", "timestamp[us, tz=UTC]"
_LIST = "list<"


@dataclass(frozen=True, slots=True)
class Column:
    """A column. type: as Arrow writes it, `int32` or `list<int32>`. source: the stage or person that fills it."""

    name: str
    type: str
    description: str
    unit: str
    nullable: bool
    source: str = ""

    @property
    def metadata(self) -> dict[str, str]:
        """Description, unit and source, for the field metadata."""
        told = {"description": self.description, "unit": self.unit, "source": self.source}
        return {key: text for key, text in told.items() if text}


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the corpus. key: columns that name a row; clip_rows: rows belong to a clip."""

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    clip_rows: bool = False
    delta_coded: tuple[str, ...] = ()
    """List columns stored with Parquet's DELTA_BINARY_PACKED coding."""

    @property
    def schema(self) -> pa.Schema:
        """The columns for Arrow."""
        return _arrow_schema(self.columns)


@functools.cache
def _arrow_schema(columns: tuple[Column, ...]) -> pa.Schema:
    import pyarrow as pa

    types = {"bool": pa.bool_(), "double": pa.float64(), TIME: pa.timestamp("us", "UTC")}

    def arrow(name: str) -> pa.DataType:
        if name.startswith(_LIST):
            return pa.list_(arrow(element_of(name)))
        return types[name] if name in types else pa.type_for_alias(name)

    return pa.schema([pa.field(c.name, arrow(c.type), nullable=c.nullable, metadata=c.metadata) for c in columns])


def element_of(type_: str) -> str:
    """Type of a list's elements."""
    return type_.removeprefix(_LIST).removesuffix(">")


def list_of(element: str) -> str:
    """Type of a list."""
    return f"{_LIST}{element}>"


def column(name: str, type_: str, description: str, unit: str = "", nullable: bool = True) -> Column:
    """A column whose source is told by `made_by`."""
    return Column(name, type_, description, unit, nullable)


def text(name: str, description: str) -> Column:
    """A text that every row has."""
    return column(name, STR, description, nullable=False)


def made_by(source: str, *columns: Column) -> tuple[Column, ...]:
    """The columns, with where they come from."""
    return tuple(replace(column, source=source) for column in columns)
