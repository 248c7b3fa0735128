"""A digest of what rows say, whatever files, order and versions they lie in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.columns import Table

Key = tuple[Any, ...]
RowDigest = tuple[Key, bytes]

_NULL = b"\x00"
_VALUE = b"\x01"


def row_digests(table: Table, rows: pa.RecordBatch) -> list[RowDigest]:
    """Key and SHA-256 of each row: every cell in schema order, little endian, nulls and lengths marked."""
    columns = [_cells(rows.column(name)) for name in table.schema.names]
    keys = zip(*(rows.column(name).to_pylist() for name in table.key), strict=True)
    digests = (hashlib.sha256(b"".join(cells)).digest() for cells in zip(*columns, strict=True))
    return list(zip(keys, digests, strict=True))


def combine(tables: Iterable[tuple[str, Iterable[RowDigest]]]) -> str:
    """One SHA-256, hex, over the rows of all tables in key order."""
    total = hashlib.sha256()
    for name, rows in sorted(tables):
        total.update(f"table {name}\n".encode())
        for _, digest in sorted(rows):
            total.update(digest)
    return total.hexdigest()


def _cells(column: pa.Array) -> list[bytes]:
    payloads = _list_payloads(column) if pa.types.is_list(column.type) else _scalar_payloads(column)
    valid = column.is_valid().to_pylist()
    return [_marked(payload) if ok else _NULL for payload, ok in zip(payloads, valid, strict=True)]


def _marked(payload: bytes) -> bytes:
    return _VALUE + len(payload).to_bytes(8, "little") + payload


def _scalar_payloads(column: pa.Array) -> list[bytes]:
    if pa.types.is_binary(column.type):
        return [cell or b"" for cell in column.to_pylist()]
    if pa.types.is_string(column.type):
        return [(cell or "").encode() for cell in column.to_pylist()]
    return [value.tobytes() for value in _numbers(column)]


def _list_payloads(column: pa.Array) -> list[bytes]:
    """Elements end to end; null elements, which our tables have in no column of numbers, are marked for strings."""
    offsets = column.offsets.to_numpy()
    if pa.types.is_string(column.type.value_type):
        cells = _cells(column.values)
        return [b"".join(cells[a:b]) for a, b in pairwise(offsets)]
    numbers = _numbers(column.values)
    return [numbers[a:b].tobytes() for a, b in pairwise(offsets)]


def _numbers(column: pa.Array) -> np.ndarray[Any, Any]:
    filled = column.fill_null(False if pa.types.is_boolean(column.type) else 0) if column.null_count else column
    return np.ascontiguousarray(filled.to_numpy(zero_copy_only=False))
