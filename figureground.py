"""The public Python API; each name is loaded when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.corpus.clips import ClipArrays, StoredClip, StoredClips
    from pipelines.corpus.query import run_query
    from pipelines.corpus.read import Corpus
    from pipelines.export import export
    from schemas.errors import FiguregroundError

__all__ = ["ClipArrays", "Corpus", "FiguregroundError", "StoredClip", "StoredClips", "export", "run_query"]

_HOMES = {
    "ClipArrays": "pipelines.corpus.clips",
    "Corpus": "pipelines.corpus.read",
    "FiguregroundError": "schemas.errors",
    "StoredClip": "pipelines.corpus.clips",
    "StoredClips": "pipelines.corpus.clips",
    "export": "pipelines.export",
    "run_query": "pipelines.corpus.query",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'figureground' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
