"""Scores of a clip as plain values, and the licences of its source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

import pyarrow as pa

from pipelines.corpus.clips import StoredClip
from pipelines.corpus.read import Corpus
from schemas.tables import TABLES

UNKNOWN_LICENCE = "unknown"
SCALARS = tuple(field for field in TABLES["clips"].schema if not pa.types.is_list(field.type))
"""Columns of `clips` with one value a clip."""


def scalars(clip: StoredClip) -> dict[str, Any]:
    """The clip's row without lists."""
    return {field.name: clip.row[field.name] for field in SCALARS}


def licences(corpus: Corpus, source_ids: Collection[str]) -> Counter[str]:
    """How many sources have which licence, by what the source lists said."""
    if "licence" not in TABLES["sources"].schema.names:
        return Counter({UNKNOWN_LICENCE: len(set(source_ids))})
    rows = corpus.arrow("sources", ["source_id", "licence"]).to_pylist()
    by_source = {row["source_id"]: row["licence"] or UNKNOWN_LICENCE for row in rows}
    return Counter(by_source.get(source_id, UNKNOWN_LICENCE) for source_id in set(source_ids))
