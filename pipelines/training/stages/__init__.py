"""The stages that come along, one YAML file each."""

from __future__ import annotations

from pathlib import Path

from schemas.errors import ConfigError

FOLDER = Path(__file__).parent


def stage_names() -> list[str]:
    """Names of the stages, without suffix."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def stage_file(name: str) -> Path:
    """The YAML file of a stage that comes along, or a file of the user's. Raises ConfigError where there is neither."""
    if name in stage_names():
        return FOLDER / f"{name}.yaml"
    if not Path(name).is_file():
        raise ConfigError(f"{name} is no file, and no stage that comes along; those are {', '.join(stage_names())}")
    return Path(name)
