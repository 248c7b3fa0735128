"""Read a configuration: a recipe, overlaid by a YAML file, overlaid by `--set key.path=value`; unknown keys refused."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from schemas.config import Config, EngineConfig
from schemas.errors import ConfigError
from schemas.fetch import FetchConfig
from schemas.recipes import RECIPES
from schemas.training import TrainingConfig

T = TypeVar("T")
_ENGINE_SECTIONS = frozenset(section.name for section in fields(EngineConfig))
_FETCH_SECTION = "fetch"
_YAML_BOOL = "tag:yaml.org,2002:bool"
_SHAPING_NOTHING = _ENGINE_SECTIONS | {_FETCH_SECTION}


def load_config(path: Path | None = None, settings: tuple[str, ...] = (), recipe: str | None = None) -> Config:
    """Configuration from a recipe, a YAML file over it and `key.path=value` settings over that.

    The sections of engines and downloads are left to `load_engine_config` and `load_fetch_config`. Raises ConfigError
    naming the key for anything unknown or out of range.
    """
    overlay = {key: value for key, value in _overlay(path, settings).items() if key not in _SHAPING_NOTHING}
    named = overlay.pop("recipe", "human5000")
    name = recipe or str(named)
    if name not in RECIPES:
        raise ConfigError(f"no recipe named {name!r}; recipes are {', '.join(RECIPES)}")
    if not overlay:
        return RECIPES[name]
    tree = asdict(RECIPES[name])
    _merge(tree, overlay)
    return parse_config(tree)


def overlaid(config: Config, path: Path | None = None, settings: tuple[str, ...] = ()) -> Config:
    """A configuration with a YAML file and `key.path=value` settings over it. Raises ConfigError as `load_config`."""
    tree = asdict(config)
    _merge(tree, {key: value for key, value in _overlay(path, settings).items() if key not in _SHAPING_NOTHING})
    return parse_config(tree)


def load_engine_config(path: Path | None = None, settings: tuple[str, ...] = ()) -> EngineConfig:
    """The engines' sections of the same file and settings. Raises ConfigError as `load_config` does."""
    tree = {key: value for key, value in _overlay(path, settings).items() if key in _ENGINE_SECTIONS}
    return parse_engine_config(tree) if tree else EngineConfig()


def load_fetch_config(path: Path | None = None, settings: tuple[str, ...] = ()) -> FetchConfig:
    """The section `fetch` of the same file and settings. Raises ConfigError as `load_config` does."""
    tree = _overlay(path, settings).get(_FETCH_SECTION)
    return _validated(FetchConfig, tree) if tree else FetchConfig()


def load_training_config(path: Path | None = None, settings: tuple[str, ...] = ()) -> TrainingConfig:
    """A stage of training from a YAML file and `key.path=value` settings over it. Raises ConfigError."""
    return _validated(TrainingConfig, _overlay(path, settings))


def parse_config(tree: dict[str, Any]) -> Config:
    """Validate a plain tree. Raises ConfigError with one line per mistake."""
    return _validated(Config, tree)


def parse_engine_config(tree: dict[str, Any]) -> EngineConfig:
    """Validate a plain tree of the engines' sections. Raises ConfigError as `parse_config` does."""
    return _validated(EngineConfig, tree)


def _validated(section: type[T], tree: dict[str, Any]) -> T:
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(section).validate_python(tree)
    except ValidationError as error:
        lines = [
            f"{'.'.join(map(str, e['loc'])) or 'configuration'}: {_said(e['type'], e['msg'])}" for e in error.errors()
        ]
        raise ConfigError("\n".join(lines)) from None


def _said(kind: str, message: str) -> str:
    return "no such setting" if kind == "unexpected_keyword_argument" else message


def _overlay(path: Path | None, settings: tuple[str, ...]) -> dict[str, Any]:
    overlay = {} if path is None else _read_yaml(path)
    for setting in settings:
        _merge(overlay, _parse_setting(setting))
    return overlay


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        tree = _parse_yaml(path.read_text())
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read configuration {path}: {error}") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: a configuration is a mapping of sections, not {type(tree).__name__}")
    return tree


def _parse_setting(setting: str) -> dict[str, Any]:
    key, separator, text = setting.partition("=")
    if not separator or not key.strip():
        raise ConfigError(f"--set {setting!r}: write it as key.path=value")
    try:
        value = _parse_yaml(text)
    except ValueError:
        raise ConfigError(f"--set {setting!r}: the value is not YAML") from None
    for part in reversed(key.strip().split(".")):
        value = {part: value}
    result: dict[str, Any] = value
    return result


def _parse_yaml(text: str) -> Any:
    """Plain values. Booleans are true and false alone, as in YAML 1.2, so `no` stays the word that a setting may be;
    where one is asked for, yes and no are understood all the same. Raises ValueError for what is not YAML."""
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if first in "tTfF" or tag != _YAML_BOOL]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    try:
        return yaml.load(text, Loader)  # noqa: S506
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def _merge(into: dict[str, Any], over: dict[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value
