"""What the user named as sources, expanded into input URIs."""

from __future__ import annotations

import csv
import glob
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from schemas.errors import ConfigError

VIDEO_SUFFIXES = frozenset(
    f".{ending}"
    for ending in (
        *("3gp", "asf", "avi", "flv", "m2ts", "m4v", "mkv", "mov", "mp4"),
        *("mpeg", "mpg", "mts", "mxf", "ogv", "ts", "vob", "webm", "wmv"),
    )
)
"""Endings taken from a folder; a file named outright is taken whatever its ending."""
LIST_SUFFIXES = frozenset({".txt", ".csv", ".jsonl", ".parquet"})


def expand_sources(arguments: Iterable[str]) -> list[str]:
    """Absolute paths of every input named by files, folders, globs and lists; sorted, each once.

    A list is a .txt file with a path a line, or a .csv, .jsonl or .parquet file with a column `uri`;
    relative paths in it are relative to the list. Raises ConfigError for an argument that names nothing.
    """
    return sorted({uri for argument in arguments for uri in _expand(argument)})


def _expand(argument: str) -> Iterator[str]:
    if "://" in argument:
        raise ConfigError(f"{argument}: addresses are not fetched; download the file and name its path")
    path = Path(argument).expanduser()
    if path.is_dir():
        yield from _from_folder(path)
    elif path.is_file():
        yield from _from_list(path) if path.suffix.lower() in LIST_SUFFIXES else [str(path.absolute())]
    else:
        yield from _from_glob(str(path))


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


def _from_list(path: Path) -> list[str]:
    try:
        entries = [entry.strip() for entry in _READERS[path.suffix.lower()](path)]
    except (OSError, ValueError, KeyError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read as a source list with a column `uri`: {error}") from None
    for entry in entries:
        if "://" in entry:
            raise ConfigError(f"{path}: {entry}: addresses are not fetched; download the file and list its path")
    return [str((path.parent / Path(entry).expanduser()).absolute()) for entry in entries if entry]


def _read_text(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]


def _read_csv(path: Path) -> list[str]:
    with path.open(newline="") as file:
        return [row["uri"] for row in csv.DictReader(file)]


def _read_jsonl(path: Path) -> list[str]:
    return [str(json.loads(line)["uri"]) for line in path.read_text().splitlines() if line.strip()]


def _read_parquet(path: Path) -> list[str]:
    import pyarrow.parquet as pq

    return [str(uri) for uri in pq.read_table(path, columns=["uri"]).column("uri").to_pylist()]


_READERS = {".txt": _read_text, ".csv": _read_csv, ".jsonl": _read_jsonl, ".parquet": _read_parquet}


def _endings() -> str:
    return " ".join(sorted(VIDEO_SUFFIXES))
