"""A corpus open for reading: a snapshot of its committed files, as Arrow tables, records, or SQL views."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.corpus.delta import Tables
from pipelines.corpus.layout import Layout
from pipelines.corpus.manifest import read_manifest
from pipelines.corpus.parquet import open_files
from pipelines.corpus.parts import DataFile
from pipelines.corpus.redo import COMMIT_ORDER
from pipelines.corpus.rows import Row
from pipelines.corpus.unpack import annotator_of, mask_of, media_of, pose_of, rows_of, tracks_of
from schemas.errors import CorpusError
from schemas.records import Annotation, Annotator, Media, PersonAnnotation
from schemas.tables import TABLES
from schemas.views import STORED, view_statements

if TYPE_CHECKING:
    import duckdb
    import pyarrow.dataset as ds


class Corpus:
    """The corpus as it was when this object was made. Raises CorpusError if the folder is none.

    config: what it was built with. files: committed files by table.
    """

    def __init__(self, path: str | Path) -> None:
        self.layout = Layout.at(path)
        self.config = read_manifest(self.layout)
        tables = Tables(self.layout)
        # Clips first: whatever a clip in this snapshot needs was committed before it.
        self.files: dict[str, list[DataFile]] = {name: tables.files(name) for name in reversed(COMMIT_ORDER)}

    @property
    def root(self) -> Path:
        """The corpus folder."""
        return self.layout.root

    def paths(self, table: str) -> list[Path]:
        """Absolute paths of a table's Parquet files."""
        return [self.layout.table(table) / file.path for file in self.files[table]]

    def dataset(self, table: str) -> ds.Dataset:
        """A table's committed rows as an Arrow dataset; a damaged page raises OSError when it is read."""
        return open_files(TABLES[table], self.paths(table))

    def arrow(
        self, table: str, columns: Sequence[str] | None = None, clip_ids: Sequence[str] | None = None
    ) -> pa.Table:
        """Rows of a table as stored, of all clips or of some; rows of hidden clips included."""
        import pyarrow.compute as pc

        rows = None if clip_ids is None else pc.field("clip_id").isin(list(clip_ids))
        return self.dataset(table).to_table(columns=None if columns is None else list(columns), filter=rows)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection with the views of `schemas.views`."""
        import duckdb

        connection = duckdb.connect(":memory:")
        for name in TABLES:
            connection.register(f"{STORED}{name}", self.dataset(name))
        for statement in view_statements():
            connection.execute(statement)
        return connection

    def clip(self, clip_id: str) -> Row:
        """The `clips` row. Raises CorpusError if there is no such clip."""
        rows: list[Row] = self.arrow("clips", clip_ids=[clip_id]).to_pylist()
        if not rows:
            raise CorpusError(f"{self.root} has no clip {clip_id}")
        return rows[0]

    def kept_clip_ids(self) -> list[str]:
        """Ids of the kept clips, sorted."""
        clips = self.arrow("clips", ["clip_id", "kept"])
        ids: list[str] = clips.filter(clips["kept"])["clip_id"].to_pylist()
        return sorted(ids)

    def media(self, clip_id: str) -> Media:
        """The stored video. Raises CorpusError if the clip has none."""
        return media_of(self._rows("media", clip_id)[0])

    def annotation(self, clip_id: str) -> Annotation:
        """Poses, masks and tracks. Raises CorpusError if the clip was not annotated."""
        tracks = self._rows("tracks", clip_id)[0]
        poses = sorted(rows_of(self.arrow("poses", clip_ids=[clip_id])), key=lambda row: row["person"])
        masks = sorted(rows_of(self.arrow("masks", clip_ids=[clip_id])), key=lambda row: row["person"])
        return Annotation(
            persons=tuple(PersonAnnotation(pose_of(p), mask_of(m)) for p, m in zip(poses, masks, strict=True)),
            tracks=tracks_of(tracks),
            pose_annotator=annotator_of(poses[0]) if poses else Annotator(self.config.pose.annotator),
            mask_annotator=annotator_of(masks[0]) if masks else Annotator(self.config.masks.annotator),
            track_annotator=annotator_of(tracks),
        )

    def _rows(self, table: str, clip_id: str) -> list[Row]:
        rows = rows_of(self.arrow(table, clip_ids=[clip_id]))
        if not rows:
            raise CorpusError(f"{self.root}: clip {clip_id} has no {table}")
        return rows
