"""The engines that must all give the same corpus, by name. A new engine is one more entry."""

from __future__ import annotations

from typing import Protocol

from pipelines.engines.base import Engine
from schemas.config import LimitsConfig

WORKERS = 2


class Maker(Protocol):
    """Makes an engine with two workers. memory_mb: what each of them may hold; None, what the engine thinks fit."""

    def __call__(self, limits: LimitsConfig, memory_mb: int | None = None) -> Engine: ...


def local(limits: LimitsConfig, memory_mb: int | None = None) -> Engine:
    from pipelines.engines.local import LocalEngine

    return LocalEngine(WORKERS, memory_mb=memory_mb, limits=limits)


def ray(limits: LimitsConfig, memory_mb: int | None = None) -> Engine:
    from pipelines.engines.ray.engine import RayEngine

    return RayEngine(WORKERS, limits=limits, memory_mb=memory_mb)


ENGINES: dict[str, Maker] = {"local": local, "ray": ray}
EXPECTED = "local"
"""The engine whose results the others must equal."""
