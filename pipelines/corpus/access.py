"""Random access to the clips of a corpus: where each clip's rows lie, and how one clip is read without the others."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipelines.corpus import layout
from pipelines.corpus.annotators import assemble, person_numbers
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
_SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")


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
        self._places = {table: _Places(paths) for table, paths in self._paths.items()}
        self._files = _Files()
        self._corpus = corpus

    @cached_property
    def clips(self) -> tuple[ClipFacts, ...]:
        """Kept clips that show a person, in the order of their ids."""
        return _facts(self._corpus)

    def files(self, clip_id: str) -> tuple[str, ...]:
        """Names of the files that hold the clip's rows; a name stands for its content."""
        places = ((table, rows.file) for table in _COLUMNS for rows in self._places[table].of(clip_id))
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
        poses, masks = (self._rows(self._people(table, clip_id)) for table in ("poses", "masks"))
        return assemble(poses, masks, self._rows(self._some("tracks", clip_id)), self._preference, self._config)

    def persons(self, clip_id: str) -> list[int]:
        """Numbers of the persons of `annotation`, in its order."""
        named = ["person", "annotator"]
        poses, masks = (self._rows(self._people(table, clip_id, named)) for table in ("poses", "masks"))
        return person_numbers(poses, masks, self._preference)

    @staticmethod
    def _rows(tables: list[pa.Table]) -> list[Row]:
        return [row for table in tables for row in rows_of(table)]

    def _some(self, table: str, clip_id: str, columns: list[str] | None = None) -> list[pa.Table]:
        found = self._found(table, clip_id, columns)
        if not found:
            raise CorpusError(f"{self._root}: clip {clip_id} has no {table} that can be read; see `figureground check`")
        return found

    def _people(self, table: str, clip_id: str, columns: list[str] | None = None) -> list[pa.Table]:
        """A clip that shows nobody has no rows; but then no file may be unread that could hold them."""
        found = self._found(table, clip_id, columns)
        if not found and (damaged := self._places[table].damaged):
            raise CorpusError(f"{damaged[0]} cannot be read; run `figureground check`")
        return found

    def _found(self, table: str, clip_id: str, columns: list[str] | None = None) -> list[pa.Table]:
        """The clip's rows, without a copy of them."""
        return [
            self._group(self._paths[table][rows.file], rows.group, columns or _COLUMNS[table]).slice(
                rows.start, rows.end - rows.start
            )
            for rows in self._places[table].of(clip_id)
        ]

    def _group(self, path: layout.Place, group: int, columns: list[str]) -> pa.Table:
        try:
            return self._files.get(path).read_row_group(group, columns=columns, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise CorpusError(f"{path} cannot be read; run `figureground check`: {error}") from error


class _Places:
    """Where each clip's rows lie in the files of a table; fifty bytes a clip, so that workers can hold millions."""

    def __init__(self, paths: list[layout.Place]) -> None:
        self.damaged: list[layout.Place] = []
        ids, spans = [np.empty(0, "S1")], [np.empty((0, 4), np.int32)]
        for file, path in enumerate(paths):
            try:
                found = _spans(path)
            except (OSError, pa.ArrowException):
                self.damaged.append(path)  # its clips will be missed when they are asked for, not those of other files
                continue
            ids.append(found[0])
            spans.append(np.insert(found[1], 0, file, axis=1))
        unsorted = np.concatenate(ids)
        order = np.argsort(unsorted, kind="stable")
        self._ids, self._spans = unsorted[order], np.concatenate(spans)[order]

    def of(self, clip_id: str) -> list[_Rows]:
        """In the order of files."""
        key = clip_id.encode()
        if len(key) > self._ids.itemsize:
            return []
        first, end = (int(np.searchsorted(self._ids, np.array(key, self._ids.dtype), side)) for side in _SIDES)
        return [_Rows(*span) for span in self._spans[first:end].tolist()]


def _spans(path: layout.Place) -> tuple[NDArray[np.bytes_], NDArray[np.int32]]:
    """Ids of the clips of a file, and (runs, 3) row group, start and end of the rows of each, in the file's order."""
    with open_file(path) as parquet:
        column = parquet.read(columns=["clip_id"], use_threads=False)["clip_id"]
        metadata = parquet.metadata
        lengths = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    ids = np.array(column.cast(pa.binary()).to_pylist(), np.bytes_)
    groups = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    starts = np.union1d(groups[:-1], np.flatnonzero(ids[1:] != ids[:-1]) + 1).astype(np.int64)
    starts = starts[starts < len(ids)]
    ends = np.append(starts[1:], len(ids))
    group = np.searchsorted(groups, starts, "right") - 1
    spans = np.stack([group, starts - groups[group], ends - groups[group]], axis=1)
    return ids[starts], spans.astype(np.int32)


def _facts(corpus: Corpus) -> tuple[ClipFacts, ...]:
    poses: Any = corpus.arrow("poses", ["clip_id", "person", "skeleton"]).to_pylist()
    skeletons = {row["clip_id"]: row["skeleton"] for row in poses if row["person"] == 0}
    clips: Any = corpus.arrow("clips", ["clip_id", "kept", "width", "height", "frames"]).to_pylist()
    return tuple(
        ClipFacts(row["clip_id"], row["width"], row["height"], row["frames"], skeletons[row["clip_id"]])
        for row in sorted(clips, key=lambda row: row["clip_id"])
        if row["kept"] and row["clip_id"] in skeletons
    )
