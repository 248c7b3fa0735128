"""A corpus open for reading: a snapshot of its committed files, as Arrow tables, records, or SQL views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.corpus.annotators import assemble, read_preference
from pipelines.corpus.delta import Tables
from pipelines.corpus.layout import Layout, Place
from pipelines.corpus.manifest import read_manifest
from pipelines.corpus.parquet import open_files
from pipelines.corpus.parts import DataFile
from pipelines.corpus.redo import COMMIT_ORDER
from pipelines.corpus.rows import Row
from pipelines.corpus.unpack import media_of, rows_of
from schemas.errors import CorpusError
from schemas.records import Annotation, Media
from schemas.tables import TABLES
from schemas.views import STORED, view_statements

if TYPE_CHECKING:
    import duckdb
    import pyarrow.dataset as ds

    from pipelines.corpus.clips import StoredClips


class Corpus:
    """The corpus as it was when this object was made. Raises CorpusError if the folder is none.

    config: what it was built with. files: committed files by table. preference: names of the annotators whose rows
    stand for a clip that several have annotated.
    """

    def __init__(self, path: str | Place) -> None:
        self.layout = Layout.at(path)
        self.config = read_manifest(self.layout)
        self.preference = read_preference(self.layout, self.config)
        tables = Tables(self.layout)
        # Clips first: whatever a clip in this snapshot needs was committed before it.
        self.files: dict[str, list[DataFile]] = {name: tables.files(name) for name in reversed(COMMIT_ORDER)}

    @property
    def root(self) -> Place:
        """Where the corpus lies."""
        return self.layout.root

    def paths(self, table: str) -> list[Place]:
        """Where a table's Parquet files lie."""
        return [self.layout.table(table) / file.path for file in self.files[table]]

    def dataset(self, table: str) -> ds.Dataset:
        """A table's committed rows as an Arrow dataset; a damaged page raises OSError when it is read."""
        return open_files(TABLES[table], self.paths(table))

    def arrow(
        self, table: str, columns: Sequence[str] | None = None, clip_ids: Sequence[str] | None = None
    ) -> pa.Table:
        """Rows of a table as stored, of all clips or of some; rows of hidden clips included."""
        import pyarrow.compute as pc

        rows = None if clip_ids is None else pc.field("clip_id").isin(pa.array(clip_ids, pa.string()))
        return self.dataset(table).to_table(columns=None if columns is None else list(columns), filter=rows)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection with the views of `schemas.views`."""
        import duckdb

        connection = duckdb.connect(":memory:")
        for name in TABLES:
            connection.register(f"{STORED}{name}", self.dataset(name))
        for statement in view_statements(self.preference):
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

    def clips(self, where: str = "", clip_ids: Sequence[str] | None = None) -> StoredClips:
        """Kept clips by id, ready to be read as NumPy arrays. clip_ids: only these.

        where: a condition of DuckDB's SQL over the columns of `clips`, such as `background_motion > 0.1`.
        Raises QueryError for a condition that is none, CorpusError for a clip that is not kept or not there.
        """
        from pipelines.corpus.clips import StoredClips

        return StoredClips(self, where, clip_ids)

    def media(self, clip_id: str) -> Media:
        """The stored video. Raises CorpusError if the clip has none."""
        return media_of(self._rows("media", clip_id)[0])

    def annotation(self, clip_id: str) -> Annotation:
        """Poses, masks and tracks, of the preferred annotators. Raises CorpusError if the clip was not annotated."""
        tracks = self._rows("tracks", clip_id)
        poses, masks = (rows_of(self.arrow(table, clip_ids=[clip_id])) for table in ("poses", "masks"))
        return assemble(poses, masks, tracks, self.preference, self.config)

    def _rows(self, table: str, clip_id: str) -> list[Row]:
        rows = rows_of(self.arrow(table, clip_ids=[clip_id]))
        if not rows:
            raise CorpusError(f"{self.root}: clip {clip_id} has no {table}")
        return rows
