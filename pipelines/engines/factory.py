"""Engines by name."""

from __future__ import annotations

from importlib.util import find_spec

from pipelines.engines.base import Engine
from schemas.config import EngineConfig, LimitsConfig
from schemas.errors import ConfigError
from schemas.extras import needs

MODULES = {"local": "psutil", "ray": "ray", "beam": "apache_beam"}
"""What each engine needs to be installed."""


def create_engine(name: str, workers: int | None, settings: EngineConfig, limits: LimitsConfig) -> Engine:
    """The engine of that name. Starts nothing yet; close it after use.

    workers: None leaves their number to the engine. Raises ConfigError if the engine is unknown or not installed.
    """
    if name not in MODULES:
        raise ConfigError(f"no engine named {name!r}; engines are {', '.join(MODULES)}")
    if find_spec(MODULES[name]) is None:
        raise ConfigError(needs(f"the engine {name!r}", MODULES[name]))
    if name == "ray":
        from pipelines.engines.ray.engine import RayEngine

        return RayEngine(workers, settings.ray, limits)
    if name == "beam":
        from pipelines.engines.beam.engine import BeamEngine

        return BeamEngine(workers, settings.beam, limits)
    from pipelines.engines.local.engine import LocalEngine

    return LocalEngine(workers, limits=limits)
