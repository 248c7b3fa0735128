"""Croissant metadata (https://mlcommons.org/croissant, version 1.0) of Parquet tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from schemas.columns import Table

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
} | {
    name: f"cr:{name}"
    for name in (
        *("citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet"),
        *("format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet"),
        *("references", "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform"),
    )
}


@dataclass(frozen=True, slots=True)
class DataFile:
    """A Parquet file of a table, by its path from the metadata's folder."""

    table: str
    path: str
    sha256: str


def croissant(title: str, files: Sequence[DataFile], tables: Sequence[Table], licences: Sequence[str]) -> Any:
    """The metadata as a tree: a record set a table and file."""
    by_name = {table.name: table for table in tables}
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": title,
        "description": "Clips of people with body poses, person masks and background point tracks on one frame clock.",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "license": list(licences),
        "distribution": [_distribution(file) for file in files],
        "recordSet": [_records(file, by_name[file.table]) for file in files],
    }


def _distribution(file: DataFile) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": file.path,
        "name": file.path,
        "contentUrl": file.path,
        "encodingFormat": "application/x-parquet",
        "sha256": file.sha256,
    }


def _records(file: DataFile, table: Table) -> dict[str, Any]:
    name = file.path.removeprefix("data/").removesuffix(".parquet")
    described = [_field(name, file, column) for column in table.schema if not pa.types.is_binary(column.type)]
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": table.description,
        "key": [{"@id": f"{name}/{column}"} for column in table.key],
        "field": described,
    }


def _field(record_set: str, file: DataFile, column: pa.Field) -> dict[str, Any]:
    description = column.metadata[b"description"].decode()
    unit = column.metadata.get(b"unit", b"").decode()
    many = pa.types.is_list(column.type)
    tree = {
        "@type": "cr:Field",
        "@id": f"{record_set}/{column.name}",
        "name": column.name,
        "description": f"{description} Unit: {unit}." if unit else description,
        "dataType": _data_type(column.type.value_type if many else column.type),
        "source": {"fileObject": {"@id": file.path}, "extract": {"column": column.name}},
    }
    return tree | {"repeated": True} if many else tree


def _data_type(type_: pa.DataType) -> str:
    if pa.types.is_boolean(type_):
        return "sc:Boolean"
    if pa.types.is_integer(type_):
        return "sc:Integer"
    return "sc:Float" if pa.types.is_floating(type_) else "sc:Text"
