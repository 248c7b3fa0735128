"""The public Python API; each name is loaded when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.corpus.read import Corpus

__all__ = ["Corpus"]

_HOMES = {"Corpus": "pipelines.corpus.read"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'figureground' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
