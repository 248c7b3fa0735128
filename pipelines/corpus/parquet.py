"""How our Parquet files are written: zstd, page checksums, delta-coded integer lists, described columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import FileSystem, LocalFileSystem

from pipelines.corpus.layout import Place
from pipelines.corpus.objects import ObjectPath
from schemas.columns import Table

if TYPE_CHECKING:
    import pyarrow.dataset as ds

_ROWS_PER_GROUP = {"media": 1, "tracks": 4, "poses": 32, "masks": 16}
_ROWS_PER_GROUP_OTHERWISE = 65_536
_LIST_ELEMENT = ".list.element"


def rows_per_group(table: Table) -> int:
    """Rows in a row group: few where rows are heavy, so that one clip is read without its neighbours."""
    return _ROWS_PER_GROUP.get(table.name, _ROWS_PER_GROUP_OTHERWISE)


def open_writer(table: Table, sink: Any) -> pq.ParquetWriter:
    """A writer with this corpus's settings; columns keep their descriptions in the footer."""
    schema = table.schema.with_metadata({"description": table.description})
    delta = {f"{name}{_LIST_ELEMENT}": "DELTA_BINARY_PACKED" for name in table.delta_coded}
    # Encoded video does not shrink; everything else does.
    compression = {leaf: "NONE" if pa.types.is_binary(type_) else "ZSTD" for leaf, type_ in _leaves(schema)}
    strings = [leaf for leaf, type_ in _leaves(schema) if pa.types.is_string(type_)]
    return pq.ParquetWriter(
        sink,
        schema,
        compression=compression,
        use_dictionary=strings,
        column_encoding=delta or None,
        write_page_checksum=True,
    )


def encode(table: Table, rows: list[dict[str, Any]]) -> memoryview:
    """Rows as the bytes of one Parquet file."""
    sink = pa.BufferOutputStream()
    with open_writer(table, sink) as writer:
        writer.write_table(pa.Table.from_pylist(rows, table.schema), row_group_size=rows_per_group(table))
    return memoryview(sink.getvalue()).cast("B")


def open_file(place: Place) -> pq.ParquetFile:
    """Open for reading with page checksums verified: a damaged page raises OSError instead of lying."""
    file_system, path = _arrow(place)
    return pq.ParquetFile(path, filesystem=file_system, page_checksum_verification=True)


def open_files(table: Table, places: Sequence[Place]) -> ds.Dataset:
    """Files of a table, possibly none, as one dataset; page checksums are verified here, too.

    Nothing is opened before it is read, so a missing file hurts only those who need it.
    """
    import pyarrow.dataset as ds

    options = ds.ParquetFragmentScanOptions(page_checksum_verification=True)
    format_ = ds.ParquetFileFormat(default_fragment_scan_options=options)
    named = [_arrow(place) for place in places]
    file_system = named[0][0] if named else LocalFileSystem()
    return ds.FileSystemDataset.from_paths(
        [path for _, path in named], schema=table.schema, format=format_, filesystem=file_system
    )


def _arrow(place: Place) -> tuple[FileSystem, str]:
    return place.arrow() if isinstance(place, ObjectPath) else (LocalFileSystem(), str(place))


def _leaves(schema: pa.Schema) -> list[tuple[str, pa.DataType]]:
    return [
        (f.name + _LIST_ELEMENT, f.type.value_type) if pa.types.is_list(f.type) else (f.name, f.type) for f in schema
    ]
