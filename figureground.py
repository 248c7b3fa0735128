"""The public Python API; each name is loaded when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.generator.conditions import ClipInputs
    from models.generator.guidance import Guidance
    from models.generator.pipeline import HumanVideoPipeline, Sampling, VideoInputs
    from pipelines.corpus.clips import ClipArrays, StoredClip, StoredClips
    from pipelines.corpus.query import run_query
    from pipelines.corpus.read import Corpus
    from pipelines.export import export
    from schemas.errors import FiguregroundError

__all__ = [
    "ClipArrays",
    "ClipInputs",
    "Corpus",
    "FiguregroundError",
    "Guidance",
    "HumanVideoPipeline",
    "Sampling",
    "StoredClip",
    "StoredClips",
    "VideoInputs",
    "export",
    "run_query",
]

_HOMES = {
    "ClipArrays": "pipelines.corpus.clips",
    "ClipInputs": "models.generator.conditions",
    "Corpus": "pipelines.corpus.read",
    "FiguregroundError": "schemas.errors",
    "Guidance": "models.generator.guidance",
    "HumanVideoPipeline": "models.generator.pipeline",
    "Sampling": "models.generator.pipeline",
    "StoredClip": "pipelines.corpus.clips",
    "StoredClips": "pipelines.corpus.clips",
    "VideoInputs": "models.generator.pipeline",
    "export": "pipelines.export",
    "run_query": "pipelines.corpus.query",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'figureground' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
