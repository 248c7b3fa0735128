"""Random access to the clips of a corpus: where each clip's rows lie, and how one clip is read without the others."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.corpus import layout
from pipelines.corpus.annotators import assemble
from pipelines.corpus.parquet import open_file
from pipelines.corpus.read import Corpus
from pipelines.corpus.rows import Row
from pipelines.corpus.unpack import media_of, rows_of
from schemas.errors import CorpusError
from schemas.records import Annotation, Media
from schemas.tables import TABLES

_NOT_READ = {"clip_id", "source_id", "pts", "size_bytes"}
"""Columns that no record is made of: each one costs as much as a few thousand numbers."""
_COLUMNS = {
    table: [name for name in TABLES[table].schema.names if name not in _NOT_READ]
    for table in ("poses", "masks", "tracks", "media")
}
_OPEN_FILES = 128


class _Rows(NamedTuple):
    """Rows start..end-1 of a row group in a file of a table."""

    file: int
    group: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """A kept clip with a person: its size in px, its length, and the skeleton of its poses."""

    clip_id: str
    width: int
    height: int
    frames: int
    skeleton: str


@dataclass(slots=True)
class _Files:
    """Open Parquet files of this process, the longest unused closed first. Not carried to other processes."""

    opened: OrderedDict[layout.Place, pq.ParquetFile] = field(default_factory=OrderedDict)

    def get(self, path: layout.Place) -> pq.ParquetFile:
        if path not in self.opened:
            if len(self.opened) >= _OPEN_FILES:
                self.opened.popitem(last=False)[1].close()
            self.opened[path] = open_file(path)
        self.opened.move_to_end(path)
        return self.opened[path]

    def __reduce__(self) -> tuple[type[_Files], tuple[()]]:
        return _Files, ()


class ClipReader:
    """Reads clips by id. Picklable; each process opens the files for itself."""

    def __init__(self, corpus: Corpus) -> None:
        self._root, self._config, self._preference = corpus.root, corpus.config, corpus.preference
        self._paths = {table: corpus.paths(table) for table in _COLUMNS}
        self._places = {table: _places(paths) for table, paths in self._paths.items()}
        self._files = _Files()
        self.clips = _facts(corpus)

    def files(self, clip_id: str) -> tuple[str, ...]:
        """Names of the files that hold the clip's rows; a name stands for its content."""
        places = ((table, rows.file) for table in _COLUMNS for rows in self._places[table].get(clip_id, ()))
        return tuple(dict.fromkeys(f"{table}/{self._paths[table][file].name}" for table, file in places))

    def media(self, clip_id: str) -> Media:
        """The stored video. Raises CorpusError if there is none, or its file is damaged."""
        return media_of(self._rows(self._some("media", clip_id))[0])

    def video(self, clip_id: str) -> tuple[BinaryIO, Fraction]:
        """The stored video as an open file, and its frame rate. Raises CorpusError as `media` does."""
        table = self._some("media", clip_id, ["frame_rate", "video"])[0]
        return pa.BufferReader(table["video"][0].as_buffer()), Fraction(table["frame_rate"][0].as_py())

    def annotation(self, clip_id: str) -> Annotation:
        """Poses, masks and tracks. Raises CorpusError if there are none, or a file is damaged."""
        poses, masks = (self._rows(self._found(table, clip_id)) for table in ("poses", "masks"))
        return assemble(poses, masks, self._rows(self._some("tracks", clip_id)), self._preference, self._config)

    @staticmethod
    def _rows(tables: list[pa.Table]) -> list[Row]:
        return [row for table in tables for row in rows_of(table)]

    def _some(self, table: str, clip_id: str, columns: list[str] | None = None) -> list[pa.Table]:
        found = self._found(table, clip_id, columns)
        if not found:
            raise CorpusError(f"{self._root}: clip {clip_id} has no {table} that can be read; see `figureground check`")
        return found

    def _found(self, table: str, clip_id: str, columns: list[str] | None = None) -> list[pa.Table]:
        """The clip's rows, without a copy of them."""
        return [
            self._group(self._paths[table][rows.file], rows.group, columns or _COLUMNS[table]).slice(
                rows.start, rows.end - rows.start
            )
            for rows in self._places[table].get(clip_id, ())
        ]

    def _group(self, path: layout.Place, group: int, columns: list[str]) -> pa.Table:
        try:
            return self._files.get(path).read_row_group(group, columns=columns, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise CorpusError(f"{path} cannot be read; run `figureground check`: {error}") from error


def _places(paths: list[layout.Place]) -> dict[str, tuple[_Rows, ...]]:
    """Where each clip's rows lie in the files of a table."""
    places: dict[str, tuple[_Rows, ...]] = {}
    for file, path in enumerate(paths):
        try:
            with open_file(path) as parquet:
                ids: list[str] = parquet.read(columns=["clip_id"], use_threads=False)["clip_id"].to_pylist()
                metadata = parquet.metadata
                lengths = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        except (OSError, pa.ArrowException):
            continue  # its clips will be missed when they are asked for, not those of other files
        first = 0
        for group, length in enumerate(lengths):
            start = 0
            for clip_id, run in groupby(ids[first : first + length]):
                end = start + sum(1 for _ in run)
                places[clip_id] = (*places.get(clip_id, ()), _Rows(file, group, start, end))
                start = end
            first += length
    return places


def _facts(corpus: Corpus) -> tuple[ClipFacts, ...]:
    """Kept clips that show a person, in the order of their ids."""
    poses: Any = corpus.arrow("poses", ["clip_id", "person", "skeleton"]).to_pylist()
    skeletons = {row["clip_id"]: row["skeleton"] for row in poses if row["person"] == 0}
    clips: Any = corpus.arrow("clips", ["clip_id", "kept", "width", "height", "frames"]).to_pylist()
    return tuple(
        ClipFacts(row["clip_id"], row["width"], row["height"], row["frames"], skeletons[row["clip_id"]])
        for row in sorted(clips, key=lambda row: row["clip_id"])
        if row["kept"] and row["clip_id"] in skeletons
    )
