"""Random access to the clips of a corpus: where each clip's rows lie, and how one clip is read without the others."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.corpus import layout
from pipelines.corpus.annotators import assemble
from pipelines.corpus.parquet import open_file
from pipelines.corpus.read import Corpus
from pipelines.corpus.rows import Row
from pipelines.corpus.unpack import media_of, rows_of
from schemas.errors import CorpusError
from schemas.records import Annotation, Media

_TABLES = ("poses", "masks", "tracks", "media")
_OPEN_FILES = 128
RowGroup = tuple[int, int]
"""File of a table, and a row group in it."""


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
        self._paths = {table: corpus.paths(table) for table in _TABLES}
        self._places = {table: _places(paths) for table, paths in self._paths.items()}
        self._files = _Files()
        self.clips = _facts(corpus)

    def files(self, clip_id: str) -> tuple[str, ...]:
        """Names of the files that hold the clip's rows; a name stands for its content."""
        places = ((table, file) for table in _TABLES for file, _ in self._places[table].get(clip_id, ()))
        return tuple(dict.fromkeys(f"{table}/{self._paths[table][file].name}" for table, file in places))

    def media(self, clip_id: str) -> Media:
        """The stored video. Raises CorpusError if there is none, or its file is damaged."""
        return media_of(self._rows("media", clip_id)[0])

    def annotation(self, clip_id: str) -> Annotation:
        """Poses, masks and tracks. Raises CorpusError if there are none, or a file is damaged."""
        poses, masks = (self._found(table, clip_id) for table in ("poses", "masks"))
        return assemble(poses, masks, self._rows("tracks", clip_id), self._preference, self._config)

    def _rows(self, table: str, clip_id: str) -> list[Row]:
        rows = self._found(table, clip_id)
        if not rows:
            raise CorpusError(f"{self._root}: clip {clip_id} has no {table} that can be read; see `figureground check`")
        return rows

    def _found(self, table: str, clip_id: str) -> list[Row]:
        rows: list[Row] = []
        for file, group in self._places[table].get(clip_id, ()):
            rows += rows_of(self._group(self._paths[table][file], group, clip_id))
        return rows

    def _group(self, path: layout.Place, group: int, clip_id: str) -> pa.Table:
        try:
            table = self._files.get(path).read_row_group(group, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise CorpusError(f"{path} cannot be read; run `figureground check`: {error}") from error
        return table if len(table) == 1 else table.filter(pc.equal(table["clip_id"], clip_id))


def _places(paths: list[layout.Place]) -> dict[str, tuple[RowGroup, ...]]:
    """Where each clip's rows lie in the files of a table."""
    places: dict[str, tuple[RowGroup, ...]] = {}
    for file, path in enumerate(paths):
        try:
            with open_file(path) as parquet:
                ids: list[str] = parquet.read(columns=["clip_id"], use_threads=False)["clip_id"].to_pylist()
                metadata = parquet.metadata
                lengths = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        except (OSError, pa.ArrowException):
            continue  # its clips will be missed when they are asked for, not those of other files
        start = 0
        for group, length in enumerate(lengths):
            for clip_id in dict.fromkeys(ids[start : start + length]):
                places[clip_id] = (*places.get(clip_id, ()), (file, group))
            start += length
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
