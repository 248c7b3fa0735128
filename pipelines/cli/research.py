"""What comes before research-grade annotators work: their licences are told, their weights fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.cli.show import say

if TYPE_CHECKING:
    from collections.abc import Collection

    from schemas.config import Config, EngineConfig


def ready_weights(
    config: Config,
    engine: str,
    settings: EngineConfig,
    kinds: Collection[str] | None = None,
    *,
    quiet: bool = False,
) -> None:
    """Tell, once for each, the licences of the weights that are needed, and fetch those that are not there yet.

    They are fetched where the workers share this machine's cache, before one is hired: a worker that is fetching shows
    nothing, and is ended by `limits.stall_s`. kinds: of annotations to be made; None: all. quiet: no progress is said.
    Raises WeightsError if weights cannot be had, ConfigError if there is no such GPU as they are to run on.
    """
    from models.annotators.needs import KINDS, research_weights

    names = research_weights(config, KINDS if kinds is None else kinds)
    if not names:
        return
    from models.weights.licences import first_use_notices
    from models.weights.store import absent, fetch

    for notice in first_use_notices(names):
        say(notice)
    missing = absent(names) if _works_here(engine, settings) else []
    if not missing:
        return
    _require_device(config)
    if quiet:
        fetch(missing)
        return
    from pipelines.cli.weights import fetch_told

    fetch_told(missing)


def _works_here(engine: str, settings: EngineConfig) -> bool:
    """Whether all workers are on this machine."""
    elsewhere = {"ray": settings.ray.address is not None, "beam": bool(settings.beam.options)}
    return not elsewhere.get(engine, False)


def _require_device(config: Config) -> None:
    """Gigabytes are not fetched for a GPU that is missing."""
    from importlib.util import find_spec

    if config.compute.device != "cpu" and find_spec("torch") is not None:
        from models.annotators.compute import device_of

        device_of(config.compute, "the annotator")
