"""Apache Beam: the stages in whatever runner the pipeline options name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.engines.beam.engine import BeamEngine

__all__ = ["BeamEngine"]


def __getattr__(name: str) -> Any:
    """The engine when it is asked for: Beam's workers import this package too, and need none of it."""
    if name != "BeamEngine":
        raise AttributeError(name)
    from pipelines.engines.beam.engine import BeamEngine

    return BeamEngine
