"""Crews by the name of their engine."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from pipelines.farm.local_crew import LocalCrew
from pipelines.farm.pool import Crew
from pipelines.farm.run import Hire
from pipelines.farm.worker import Rendering
from schemas.config import RayConfig
from schemas.errors import ConfigError
from schemas.extras import needs


def hire_from(engine: str, workers: int | None, config: RayConfig) -> Hire:
    """Where an engine's workers come from. Starts nothing yet. Raises ConfigError if it is not installed."""
    if engine == "ray" and find_spec("ray") is None:
        raise ConfigError(needs("the engine 'ray'", "ray"))

    def hire(work: Rendering) -> Crew[Any]:
        if engine == "ray":
            from pipelines.farm.ray_crew import RayCrew

            return RayCrew(work, workers, config)
        return LocalCrew(work, workers)

    return hire
