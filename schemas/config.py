"""The configuration: one frozen tree, every field with a default, unknown keys refused.

A configuration is a recipe, overlaid by a YAML file, overlaid by `--set key.path=value`.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.errors import ConfigError
from schemas.recipes import RECIPES
from schemas.scores import SCORE_NAMES


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_SectionT = TypeVar("_SectionT", bound=_Section)


class FramesConfig(_Section):
    """Working size and clock of the frames that are annotated and stored."""

    short_side: int = Field(512, ge=64, le=4320, description="Pictures are scaled down to this shorter side, px.")
    max_fps: float = Field(30.5, gt=0, description="Faster sources keep every n-th frame to come below this.")


class ShotsConfig(_Section):
    """Shot boundaries."""

    adaptive_threshold: float = Field(3.0, gt=0, description="PySceneDetect AdaptiveDetector: ratio to neighbours.")
    min_content: float = Field(15.0, gt=0, description="PySceneDetect AdaptiveDetector: least content change, 0..255.")
    gradual: bool = Field(True, description="Find fades and dissolves too.")


class ClipsConfig(_Section):
    """How a shot becomes candidate clips."""

    min_s: float = Field(2.0, gt=0, description="Shorter pieces are no candidates, s.")
    max_s: float = Field(10.0, gt=0, description="Longer shots are divided, s.")
    edge_frames: int = Field(2, ge=0, description="Frames left out beside a boundary.")

    @model_validator(mode="after")
    def _ordered(self) -> ClipsConfig:
        if self.max_s < 2 * self.min_s:
            raise ValueError("clips.max_s must be at least twice clips.min_s, or shots could not be divided")
        return self


class Limit(_Section):
    """Allowed range of a score; None is no limit."""

    min: float | None = None
    max: float | None = None


class PoseConfig(_Section):
    """Body pose."""

    annotator: Literal["blazepose"] = "blazepose"
    max_persons: int = Field(2, ge=1, le=8, description="Persons followed at most; the main one first.")
    detection_threshold: float = Field(0.5, gt=0, lt=1, description="Least score of the person detector.")
    presence_threshold: float = Field(0.5, gt=0, lt=1, description="Least presence score of the landmark network.")


class MasksConfig(_Section):
    """Person masks."""

    annotator: Literal["blazepose", "selfie"] = "blazepose"


class TracksConfig(_Section):
    """Background point tracks."""

    annotator: Literal["lucas_kanade"] = "lucas_kanade"
    points: int = Field(256, ge=16, le=4096, description="Points alive at a time, on a grid outside the persons.")
    forward_backward_px: float = Field(1.0, gt=0, description="Largest error of the way back at 360 px, px.")


class MediaConfig(_Section):
    """The stored video."""

    codec: Literal["h264"] = "h264"
    crf: int = Field(18, ge=0, le=51, description="Constant rate factor of x264.")
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"] = "veryfast"
    gop: int = Field(12, ge=1, le=600, description="Frames from one key frame to the next, at most.")


class LimitsConfig(_Section):
    """What one input may cost before it becomes a failed row."""

    attempts: int = Field(3, ge=1, le=10, description="Worker deaths an input may cause before it is given up.")
    stall_s: float = Field(300.0, gt=0, description="Seconds without any progress on an input before it is given up.")
    max_pixels: int = Field(64_000_000, ge=1, description="Largest decoded picture, px.")
    max_streams: int = Field(64, ge=1, description="Largest number of streams in a container.")


class Config(_Section):
    """What shapes a corpus. Equal configurations and sources give equal corpora."""

    recipe: Literal["human5000", "moving-ground", "everything"] = "human5000"
    frames: FramesConfig = FramesConfig()
    shots: ShotsConfig = ShotsConfig()
    clips: ClipsConfig = ClipsConfig()
    screening: dict[str, Limit] = Field(default_factory=dict, description="Allowed range of each score, by name.")
    near_duplicate_bits: float | None = Field(
        None, ge=0, le=32, description="Clips whose hashes differ by at most so many of 64 bits are one; None: off."
    )
    pose: PoseConfig = PoseConfig()
    masks: MasksConfig = MasksConfig()
    tracks: TracksConfig = TracksConfig()
    media: MediaConfig = MediaConfig()
    limits: LimitsConfig = LimitsConfig()

    @model_validator(mode="after")
    def _known_scores(self) -> Config:
        unknown = sorted(set(self.screening) - set(SCORE_NAMES))
        if unknown:
            raise ValueError(f"screening: no score named {', '.join(unknown)}; scores are {', '.join(SCORE_NAMES)}")
        return self

    def digest(self) -> str:
        """SHA-256 over the canonical JSON of the whole tree, hex."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


class RayConfig(_Section):
    """The Ray cluster that `--engine ray` runs on."""

    address: str | None = Field(
        None, description="`auto`, `host:port` or `ray://host:port` of a running cluster; None: one on this machine."
    )
    start_s: float = Field(180.0, gt=0, description="Seconds without any worker before the run is given up.")


class BeamConfig(_Section):
    """The Beam runner that `--engine beam` gives its job to."""

    options: tuple[str, ...] = Field(
        (), description="Standard Beam pipeline options, `--name=value` each; none: several processes on this machine."
    )
    exchange: Path | None = Field(
        None,
        description="Folder that driver and workers reach under the same path; None: a temporary one on this machine.",
    )
    silence_s: float = Field(
        60.0, ge=5, description="A job of which no worker gave a sign of life for so long is submitted again."
    )


class EngineConfig(_Section):
    """Where the stages run. Shapes no corpus: one begun on an engine may be continued on another."""

    ray: RayConfig = RayConfig()
    beam: BeamConfig = BeamConfig()


def load_config(path: Path | None = None, settings: tuple[str, ...] = (), recipe: str | None = None) -> Config:
    """Configuration from a recipe, a YAML file over it and `key.path=value` settings over that.

    The engines' sections are left to `load_engine_config`. Raises ConfigError naming the key for anything unknown or
    out of range.
    """
    overlay = {key: value for key, value in _overlay(path, settings).items() if key not in EngineConfig.model_fields}
    if recipe is not None:
        overlay["recipe"] = recipe
    name = overlay.get("recipe", "human5000")
    if name not in RECIPES:
        raise ConfigError(f"no recipe named {name!r}; recipes are {', '.join(RECIPES)}")
    tree: dict[str, Any] = json.loads(json.dumps(RECIPES[name]))
    _merge(tree, overlay)
    return parse_config(tree)


def load_engine_config(path: Path | None = None, settings: tuple[str, ...] = ()) -> EngineConfig:
    """The engines' sections of the same file and settings. Raises ConfigError as `load_config` does."""
    tree = {key: value for key, value in _overlay(path, settings).items() if key in EngineConfig.model_fields}
    return _validated(EngineConfig, tree)


def parse_config(tree: dict[str, Any]) -> Config:
    """Validate a plain tree. Raises ConfigError with one line per mistake."""
    return _validated(Config, tree)


def _validated(section: type[_SectionT], tree: dict[str, Any]) -> _SectionT:
    try:
        return section.model_validate(tree)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc'])) or 'configuration'}: {e['msg']}" for e in error.errors()]
        raise ConfigError("\n".join(lines)) from None


def differences(old: Config, new: Config) -> list[str]:
    """One line per leaf that differs: `key.path: old -> new`."""
    a, b = _leaves(old.model_dump(mode="json")), _leaves(new.model_dump(mode="json"))
    return [f"{k}: {a.get(k)!r} -> {b.get(k)!r}" for k in sorted(a | b) if a.get(k) != b.get(k)]


def _overlay(path: Path | None, settings: tuple[str, ...]) -> dict[str, Any]:
    overlay = {} if path is None else _read_yaml(path)
    for setting in settings:
        _merge(overlay, _parse_setting(setting))
    return overlay


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
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
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"--set {setting!r}: the value is not YAML") from None
    for part in reversed(key.strip().split(".")):
        value = {part: value}
    result: dict[str, Any] = value
    return result


def _merge(into: dict[str, Any], over: dict[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _leaves(tree: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(tree, dict):
        return {prefix: tree}
    return {k: v for key, sub in tree.items() for k, v in _leaves(sub, f"{prefix}.{key}".lstrip(".")).items()}
