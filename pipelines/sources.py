"""What the user named as sources, expanded into inputs: paths and addresses, and what a list says of them."""

from __future__ import annotations

import csv
import glob
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any, NamedTuple

from schemas.errors import ConfigError
from schemas.records import Listing
from transforms.decode.formats import VIDEO_SUFFIXES

LIST_SUFFIXES = frozenset({".txt", ".csv", ".jsonl", ".parquet"})
_COLUMNS = ("uri", "id", "licence", "license", "caption", "start", "end")
_NAMED = 8
"""Endings named in a notice; there may be any number."""
_Entry = tuple[str, Listing]
_UNLISTED = Listing()


class Inputs(NamedTuple):
    """uris: sorted, each once, paths absolute. listings: what lists say of those of which they say something.

    others: files of folders that were left alone, counted by ending; hidden ones are not.
    """

    uris: list[str]
    listings: dict[str, Listing]
    others: Counter[str]

    def notice(self) -> str | None:
        """What to say of the files that were left alone, commonest endings first; None if there are none."""
        count = self.others.total()
        shown = sorted(self.others.items(), key=lambda ending: (-ending[1], ending[0]))
        named = [f"{ending} {n}" for ending, n in shown[:_NAMED]] + ["..."] * (len(shown) > _NAMED)
        return f"{count} other {'file' if count == 1 else 'files'} left alone ({', '.join(named)})" if count else None


def expand_sources(arguments: Iterable[str]) -> Inputs:
    """Every input named by files, folders, globs, addresses and lists.

    Of a folder the files with an ending of video are taken; a file named outright is, whatever its ending.
    A list is a .txt file with an input a line, or a .csv, .jsonl or .parquet file with a column `uri` and, as far as
    it has them, `id`, `licence`, `caption`, `start` and `end` (seconds); relative paths in it are relative to the
    list. Raises ConfigError for an argument that names nothing.
    """
    uris: set[str] = set()
    listings: dict[str, Listing] = {}
    given = tuple(arguments)
    walk = _Walk({str(Path(argument).expanduser().absolute()) for argument in given})
    for argument in given:
        for uri, listing in _expand(argument, walk):
            uris.add(uri)
            if listing != _UNLISTED:
                listings.setdefault(uri, listing)
    return Inputs(sorted(uris), listings, walk.others)


class _Walk:
    """Finds the videos in folders. others: what else lies there, by ending, but for what was named outright."""

    def __init__(self, named: Set[str]) -> None:
        self._named = named
        self.others: Counter[str] = Counter()

    def videos(self, folder: Path) -> list[str]:
        """At every depth, whatever their endings' case. Raises ConfigError if there are none."""
        found = []
        for path in (path.absolute() for path in folder.rglob("*") if path.is_file()):
            ending = path.suffix.lower()
            if ending in VIDEO_SUFFIXES:
                found.append(str(path))
            elif not path.name.startswith(".") and str(path) not in self._named:
                self.others[ending or "no ending"] += 1
        if not found:
            raise ConfigError(f"{folder}: no video files in this folder (endings looked for: {_endings()})")
        return found


def _expand(argument: str, walk: _Walk) -> Iterable[_Entry]:
    if "://" in argument:
        return [(argument, _UNLISTED)]
    path = Path(argument).expanduser()
    if path.is_dir():
        return _unlisted(walk.videos(path))
    if not path.is_file():
        return _unlisted(_from_glob(str(path)))
    return _from_list(path) if path.suffix.lower() in LIST_SUFFIXES else _unlisted([str(path.absolute())])


def _unlisted(uris: list[str]) -> list[_Entry]:
    return [(uri, _UNLISTED) for uri in uris]


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
    except (OSError, ValueError, TypeError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read as a source list with a column `uri`: {error}") from None


def _need_uri(columns: Iterable[str]) -> None:
    if "uri" not in columns:
        raise ValueError(f"its columns are {', '.join(columns) or 'none'}")


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
        rows = csv.DictReader(file)
        _need_uri(rows.fieldnames or ["uri"])  # an empty file is an empty list
        yield from rows


def _read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    with path.open() as file:
        for line in filter(str.strip, file):
            row = json.loads(line)
            _need_uri(row)
            yield row


def _read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        there = file.schema_arrow.names
        _need_uri(there)
        for batch in file.iter_batches(columns=[name for name in _COLUMNS if name in there]):
            yield from batch.to_pylist()


_READERS = {".txt": _read_text, ".csv": _read_csv, ".jsonl": _read_jsonl, ".parquet": _read_parquet}


def _endings() -> str:
    return " ".join(sorted(VIDEO_SUFFIXES))
