"""Hugging Face's videofolder: MP4 files, a typed table of their scores, and a dataset card.

data/<split>/<clip id>.mp4
data/<split>/metadata.parquet    file_name and the columns of `clips`
README.md                        the card, with features and licences
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.export.base import Format, Listed, Unit, Written, put
from pipelines.export.card import card
from pipelines.export.facts import SCALARS, scalars

_FILE_NAME = pa.field("file_name", pa.string(), metadata={"description": "The video, beside this table."})
_SCHEMA = pa.schema([_FILE_NAME, *SCALARS])


class VideoFolder(Format):
    """See the module."""

    name = "videofolder"
    about = "Hugging Face videofolder with scores and a dataset card"

    def write(self, unit: Unit, out: Path) -> Written:
        """The video of a clip."""
        (item,) = unit.items
        name = put(out, f"data/{item.split}/{item.clip.clip_id}.mp4", item.clip.media().video)
        return Written(({"file_name": Path(name).name},), (name,))

    def finish(self, listed: Sequence[Listed], splits: Sequence[str], out: Path) -> None:
        """The table of each split, and the card."""
        filled = []
        for split in splits:
            rows = [entry.record | scalars(entry.item.clip) for entry in listed if entry.item.split == split]
            if rows:
                filled.append(split)
                buffer = io.BytesIO()
                pq.write_table(pa.Table.from_pylist(rows, _SCHEMA), buffer)
                put(out, f"data/{split}/metadata.parquet", buffer.getvalue())
        paths = [{"split": split, "path": f"data/{split}/**"} for split in filled]
        front = {"configs": [{"config_name": "default", "data_files": paths}]}
        put(out, "README.md", card(listed, front, "Human video clips", {"clips": _SCHEMA}))
