"""Scores of a clip as plain values, and the licences of the sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from pipelines.corpus.clips import StoredClip
from schemas.tables import TABLES

UNKNOWN_LICENCE = "unknown"
_LISTED = tuple(TABLES["sources"].schema.field(name) for name in ("licence", "caption", "listed_id"))
SCALARS = (*(field for field in TABLES["clips"].schema if not pa.types.is_list(field.type)), *_LISTED)
"""Columns of the view `clips` with one value a clip."""


def scalars(clip: StoredClip) -> dict[str, Any]:
    """The clip's row without lists."""
    return {field.name: clip.row[field.name] for field in SCALARS}


def licences(clips: Iterable[StoredClip]) -> Counter[str]:
    """How many sources have which licence, by what the source lists said."""
    by_source = {clip.source_id: clip.row["licence"] or UNKNOWN_LICENCE for clip in clips}
    return Counter(by_source.values())
