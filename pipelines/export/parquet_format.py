"""The tables of the chosen clips as plain Parquet, with a dataset card for `load_dataset` and Croissant metadata.

data/<table>/<split>-<first clip id>.parquet    clips, poses, masks, tracks and media, as in the corpus
README.md                                       one configuration a table: load_dataset(DIR, "poses")
croissant.json                                  https://mlcommons.org/croissant
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from pipelines.corpus.parquet import open_writer, rows_per_group
from pipelines.export.base import Format, Item, Listed, Record, Unit, Written, put
from pipelines.export.card import card
from pipelines.export.croissant import DataFile, croissant
from pipelines.export.facts import licences
from schemas.columns import Table
from schemas.tables import ANNOTATION_TABLES, TABLES

_TABLES = tuple(TABLES[name] for name in ("clips", *ANNOTATION_TABLES))
_CLIPS_PER_FILE = 256
_TITLE = "Human video clips with poses, masks and tracks"


class ParquetTables(Format):
    """See the module."""

    name = "parquet"
    about = "Parquet tables with a Hugging Face dataset card and Croissant metadata"

    def units(self, items: Sequence[Item]) -> Iterator[Unit]:
        """Files of 256 clips, split by split."""
        for split in dict.fromkeys(item.split for item in items):
            inside = [item for item in items if item.split == split]
            for first in range(0, len(inside), _CLIPS_PER_FILE):
                chunk = inside[first : first + _CLIPS_PER_FILE]
                yield Unit(f"{split}-{chunk[0].clip.clip_id}", tuple(chunk))

    def write(self, unit: Unit, out: Path) -> Written:
        """One file a table."""
        clip_ids = [item.clip.clip_id for item in unit.items]
        files: list[Record] = []
        for table in _TABLES:
            content = self._content(table, clip_ids)
            name = put(out, f"data/{table.name}/{unit.name}.parquet", content)
            files.append({"table": table.name, "path": name, "sha256": hashlib.sha256(content).hexdigest()})
        return Written(tuple({"files": files} for _ in unit.items), tuple(file["path"] for file in files))

    def finish(self, listed: Sequence[Listed], splits: Sequence[str], out: Path) -> None:
        """Card and metadata."""
        filled = [split for split in splits if any(entry.item.split == split for entry in listed)]
        configs = [
            {
                "config_name": table.name,
                "data_files": [{"split": s, "path": f"data/{table.name}/{s}-*.parquet"} for s in filled],
            }
            for table in _TABLES
        ]
        schemas = {table.name: table.schema for table in _TABLES}
        put(out, "README.md", card(listed, {"configs": configs}, _TITLE, schemas))
        files = {file["path"]: DataFile(**file) for entry in listed for file in entry.record["files"]}
        known = licences(entry.item.clip for entry in listed)
        tree = croissant(_TITLE, list(files.values()), _TABLES, sorted(known))
        put(out, "croissant.json", json.dumps(tree, indent=1).encode())

    def _content(self, table: Table, clip_ids: list[str]) -> memoryview:
        keys = [(name, "ascending") for name in table.key]
        rows = self.corpus.arrow(table.name, clip_ids=clip_ids).sort_by(keys)
        sink = pa.BufferOutputStream()
        with open_writer(table, sink) as writer:
            writer.write_table(rows, row_group_size=rows_per_group(table))
        return memoryview(sink.getvalue()).cast("B")
