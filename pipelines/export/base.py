"""What a format is: how clips become files, and how the files are listed at the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pipelines.corpus.clips import StoredClip
from pipelines.corpus.read import Corpus

Record = dict[str, Any]
"""What a format wants to know of a clip at the end, as plain values: it outlives the process as JSON."""


@dataclass(frozen=True, slots=True)
class Settings:
    """stride: of formats that hold single pictures, every n-th frame."""

    stride: int = 10


@dataclass(frozen=True, slots=True)
class Item:
    """A clip and the split it is in."""

    clip: StoredClip
    split: str


@dataclass(frozen=True, slots=True)
class Unit:
    """Clips that are written together or not at all. name: unique, and a file name."""

    name: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """records: one per clip. files: what was written, relative to the folder of the export."""

    records: tuple[Record, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """A clip that was written, at the end."""

    item: Item
    record: Record


class Format(ABC):
    """A format of another tool. Equal corpora and settings give equal files."""

    name: ClassVar[str]
    about: ClassVar[str]

    def __init__(self, corpus: Corpus, settings: Settings) -> None:
        self.corpus, self.settings = corpus, settings

    def units(self, items: Sequence[Item]) -> Iterator[Unit]:
        """How clips are grouped; default: each alone."""
        for item in items:
            yield Unit(item.clip.clip_id, (item,))

    @abstractmethod
    def write(self, unit: Unit, out: Path) -> Written:
        """Write the files of a unit. Raises CorpusError for a clip that cannot be read."""

    def finish(self, listed: Sequence[Listed], splits: Sequence[str], out: Path) -> None:  # noqa: B027
        """Write what lists all files; called at the end of every run, with all clips in order."""


def put(out: Path, name: str, content: bytes | memoryview) -> str:
    """Write a file whole or not at all; returns its name. Raises OSError."""
    path = out / name
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".part-{path.name}")
    partial.write_bytes(content)
    partial.replace(path)
    return name
