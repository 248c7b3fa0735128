"""Looking for what should be gone: in the bytes of every file, and in every text that is packed in a Parquet file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipelines.corpus.layout import Layout, Place
from pipelines.corpus.objects import ObjectPath
from pipelines.corpus.parquet import open_file

_BLOCK_BYTES = 1 << 22


@dataclass(frozen=True, slots=True)
class Search:
    """What was searched, and the files in which something was found."""

    files: int
    size_bytes: int
    found: tuple[str, ...]


def search(layout: Layout, needles: Sequence[bytes]) -> Search:
    """Search names and content of every file of a corpus. Texts within Parquet files are unpacked first."""
    files, size_bytes, found = 0, 0, []
    for place in _files(layout.root):
        files += 1
        here = any(needle in str(place).encode() for needle in needles)
        for block in _overlapping(place, max(map(len, needles), default=1)):
            size_bytes += len(block)
            here = here or any(needle in block for needle in needles)
        if here or (place.suffix == ".parquet" and _in_texts(place, needles)):
            found.append(str(place))
    return Search(files, size_bytes, tuple(found))


def _files(folder: Place) -> Iterator[Place]:
    if isinstance(folder, ObjectPath):
        below = list(folder.iterdir())
        for place in below:
            yield from [place] if place.exists() else _files(place)
    else:
        yield from (path for path in sorted(folder.rglob("*")) if path.is_file())


def _overlapping(place: Place, longest: int) -> Iterator[bytes]:
    """The content in blocks, each preceded by the end of the one before: nothing hides on a border."""
    if isinstance(place, ObjectPath):
        yield place.read_bytes()
        return
    end = b""
    with place.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            yield end + block
            end = block[-longest:]


def _in_texts(place: Place, needles: Sequence[bytes]) -> bool:
    with open_file(place) as parquet:
        names = [field.name for field in parquet.schema_arrow if _has_text(field.type)]
        return any(
            needle in text.encode(errors="surrogateescape")
            for batch in parquet.iter_batches(columns=names)
            for column in batch.columns
            for text in _texts(column.to_pylist())
            for needle in needles
        )


def _has_text(type_: pa.DataType) -> bool:
    if pa.types.is_list(type_) or pa.types.is_map(type_) or pa.types.is_struct(type_):
        return any(_has_text(type_.field(index).type) for index in range(type_.num_fields))
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts(list(value.items()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
