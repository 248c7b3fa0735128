"""What the user named as sources, expanded into inputs: paths and addresses, and what a list says of them."""

from __future__ import annotations

import csv
import glob
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from schemas.errors import ConfigError
from schemas.records import Listing

VIDEO_SUFFIXES = frozenset(
    f".{ending}"
    for ending in (
        *("3gp", "asf", "avi", "flv", "m2ts", "m4v", "mkv", "mov", "mp4"),
        *("mpeg", "mpg", "mts", "mxf", "ogv", "ts", "vob", "webm", "wmv"),
    )
)
"""Endings taken from a folder; a file named outright is taken whatever its ending."""
LIST_SUFFIXES = frozenset({".txt", ".csv", ".jsonl", ".parquet"})
_COLUMNS = ("uri", "id", "licence", "license", "caption", "start", "end")
_Entry = tuple[str, Listing]
_UNLISTED = Listing()


class Inputs(NamedTuple):
    """uris: sorted, each once, paths absolute. listings: what lists say of those of which they say something."""

    uris: list[str]
    listings: dict[str, Listing]


def expand_sources(arguments: Iterable[str]) -> Inputs:
    """Every input named by files, folders, globs, addresses and lists.

    A list is a .txt file with an input a line, or a .csv, .jsonl or .parquet file with a column `uri` and, as far as
    it has them, `id`, `licence`, `caption`, `start` and `end` (seconds); relative paths in it are relative to the
    list. Raises ConfigError for an argument that names nothing.
    """
    uris: set[str] = set()
    listings: dict[str, Listing] = {}
    for argument in arguments:
        for uri, listing in _expand(argument):
            uris.add(uri)
            if listing != _UNLISTED:
                listings.setdefault(uri, listing)
    return Inputs(sorted(uris), listings)


def _expand(argument: str) -> Iterable[_Entry]:
    if "://" in argument:
        return [(argument, _UNLISTED)]
    path = Path(argument).expanduser()
    if path.is_dir():
        return _unlisted(_from_folder(path))
    if not path.is_file():
        return _unlisted(_from_glob(str(path)))
    return _from_list(path) if path.suffix.lower() in LIST_SUFFIXES else _unlisted([str(path.absolute())])


def _unlisted(uris: list[str]) -> list[_Entry]:
    return [(uri, _UNLISTED) for uri in uris]


def _from_folder(folder: Path) -> list[str]:
    found = [str(p.absolute()) for p in folder.rglob("*") if p.suffix.lower() in VIDEO_SUFFIXES and p.is_file()]
    if not found:
        raise ConfigError(f"{folder}: no video files in this folder (endings looked for: {_endings()})")
    return found


def _from_glob(pattern: str) -> list[str]:
    found = [str(Path(p).absolute()) for p in glob.glob(pattern, recursive=True) if Path(p).is_file()]  # noqa: PTH207 - absolute patterns
    if not found:
        raise ConfigError(f"{pattern}: no such file, folder or pattern")
    return found


def _from_list(path: Path) -> Iterator[_Entry]:
    try:
        for row in _READERS[path.suffix.lower()](path):
            if uri := str(row["uri"]).strip():
                here = uri if "://" in uri else str((path.parent / Path(uri).expanduser()).absolute())
                yield here, _listing(row)
    except (OSError, ValueError, KeyError, TypeError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read as a source list with a column `uri`: {error}") from None


def _listing(row: Mapping[str, Any]) -> Listing:
    text = {name: row.get(name) for name in ("id", "licence", "caption")}
    text["licence"] = row.get("license") if text["licence"] is None else text["licence"]
    named = {name: None if value in (None, "") else str(value) for name, value in text.items()}
    return Listing(**named, start_s=_seconds(row.get("start")), end_s=_seconds(row.get("end")))


def _seconds(value: Any) -> float | None:
    if value in (None, ""):
        return None
    seconds = float(value)
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError(f"{value!r} is no time in seconds")
    return seconds


def _read_text(path: Path) -> Iterator[dict[str, Any]]:
    with path.open() as file:
        yield from ({"uri": line} for line in file if not line.lstrip().startswith("#"))


def _read_csv(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(newline="") as file:
        yield from csv.DictReader(file)


def _read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    with path.open() as file:
        yield from (json.loads(line) for line in file if line.strip())


def _read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        there = file.schema_arrow.names
        for batch in file.iter_batches(columns=[name for name in _COLUMNS if name in there]):
            yield from batch.to_pylist()


_READERS = {".txt": _read_text, ".csv": _read_csv, ".jsonl": _read_jsonl, ".parquet": _read_parquet}


def _endings() -> str:
    return " ".join(sorted(VIDEO_SUFFIXES))
