"""Query results as a terminal table, CSV, JSON or Parquet."""

from __future__ import annotations

import base64
import csv
import json
import math
from collections.abc import Callable
from datetime import date, time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TextIO

import pyarrow as pa

if TYPE_CHECKING:
    from rich.console import RenderableType

_LONGEST_CELL = 60
_SHOWN_OF_TEXT = 24
"""Characters that are shown of the start of longer text; the others are of its end, where addresses differ."""


def render_table(table: pa.Table) -> RenderableType:
    """For the terminal: long lists and binary cells are shortened."""
    from rich.table import Table
    from rich.text import Text

    rendered = Table(box=None, pad_edge=False, header_style="bold")
    for field in table.schema:
        number = pa.types.is_integer(field.type) or pa.types.is_floating(field.type) or pa.types.is_decimal(field.type)
        rendered.add_column(Text(_visible(field.name)), justify="right" if number else "left")
    for row in _rows(table):
        rendered.add_row(*(Text(_visible(_short(cell))) for cell in row))
    return rendered


def write_csv(table: pa.Table, out: TextIO) -> None:
    """Lists and structures as JSON, binary as base64, null as the empty cell."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.column_names)
    for row in _rows(table):
        writer.writerow([_flat(cell) for cell in row])


def write_json(table: pa.Table, out: TextIO) -> None:
    """A list of objects; binary as base64, times as ISO 8601, NaN and infinities as null."""
    rows = [dict(zip(table.column_names, map(_plain, row), strict=True)) for row in _rows(table)]
    json.dump(rows, out, indent=1)
    out.write("\n")


def write_parquet(table: pa.Table, out: Path | IO[bytes]) -> None:
    """Types as they are."""
    import pyarrow.parquet as pq

    pq.write_table(table, out, compression="zstd", write_page_checksum=True)


WRITERS: dict[str, Callable[[pa.Table, Any], None]] = {
    "csv": write_csv,
    "json": write_json,
    "parquet": write_parquet,
}
"""By name of the format; csv and json write text, parquet bytes."""


def _visible(text: str) -> str:
    """Characters that steer a terminal as pictures of themselves: names and captions come from strangers."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def _rows(table: pa.Table) -> list[tuple[Any, ...]]:
    if not table.num_columns:
        return []
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _plain(cell: Any) -> Any:
    """A cell as JSON can say it."""
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    if isinstance(cell, bytes):
        return base64.b64encode(cell).decode()
    if isinstance(cell, list):
        return [_plain(item) for item in cell]
    if isinstance(cell, dict):
        return {str(key): _plain(value) for key, value in cell.items()}
    return cell if cell is None or isinstance(cell, str | int | float) else str(cell)


def _flat(cell: Any) -> Any:
    if isinstance(cell, list | dict):
        return json.dumps(_plain(cell))
    return cell if isinstance(cell, float) else _plain(cell)


def _short(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bytes):
        return f"<{len(cell):,} bytes>"
    text = f"{cell:.6g}" if isinstance(cell, float) else str(_flat(cell))
    if len(text) <= _LONGEST_CELL:
        return text
    shown = _SHOWN_OF_TEXT if isinstance(cell, str) else _LONGEST_CELL - 1
    return f"{text[:shown]}…{text[len(text) - (_LONGEST_CELL - 1 - shown) :]}"
