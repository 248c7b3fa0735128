"""Worker processes on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.engines.local.engine import LocalEngine

__all__ = ["LocalEngine"]


def __getattr__(name: str) -> Any:
    """The engine when it is asked for: workers import this package too, and need none of it."""
    if name != "LocalEngine":
        raise AttributeError(name)
    from pipelines.engines.local.engine import LocalEngine

    return LocalEngine
