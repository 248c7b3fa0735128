"""The configuration: one frozen tree, every field with a default and its bounds.

Read it with `schemas.config_loading`, which checks the bounds; these classes are plain, so that workers start fast.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt

from schemas.scores import SCORE_NAMES


class _Section:
    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012


@dataclass(frozen=True)
class FramesConfig(_Section):
    """Working size and clock of the frames that are annotated and stored."""

    short_side: Annotated[int, Ge(64), Le(4320), "Pictures are scaled down to this shorter side, px."] = 512
    max_fps: Annotated[float, Gt(0), "Faster sources keep every n-th frame to come below this."] = 30.5


@dataclass(frozen=True)
class ShotsConfig(_Section):
    """Shot boundaries."""

    adaptive_threshold: Annotated[float, Gt(0), "PySceneDetect AdaptiveDetector: ratio to neighbours."] = 3.0
    min_content: Annotated[float, Gt(0), "PySceneDetect AdaptiveDetector: least content change, 0..255."] = 15.0
    gradual: Annotated[bool, "Find fades and dissolves too."] = True


@dataclass(frozen=True)
class ClipsConfig(_Section):
    """How a shot becomes candidate clips."""

    min_s: Annotated[float, Gt(0), "Shorter pieces are no candidates, s."] = 2.0
    max_s: Annotated[float, Gt(0), "Longer shots are divided, s."] = 10.0
    edge_frames: Annotated[int, Ge(0), "Frames left out beside a boundary."] = 2

    def __post_init__(self) -> None:
        if self.max_s < 2 * self.min_s:
            raise ValueError("clips.max_s must be at least twice clips.min_s, or shots could not be divided")


@dataclass(frozen=True)
class Limit(_Section):
    """Allowed range of a score; None is no limit."""

    min: float | None = None
    max: float | None = None


@dataclass(frozen=True)
class PoseConfig(_Section):
    """Body pose."""

    annotator: Literal["blazepose", "openpose", "dwpose"] = "blazepose"
    max_persons: Annotated[int, Ge(1), Le(8), "Persons followed at most; the main one first."] = 2
    detection_threshold: Annotated[float, Gt(0), Lt(1), "Least score of the person detector."] = 0.5
    presence_threshold: Annotated[float, Gt(0), Lt(1), "Least presence score of the landmark network."] = 0.5
    hands_and_face: Annotated[bool, "openpose: find hands and face, too; dwpose always does."] = False


@dataclass(frozen=True)
class MasksConfig(_Section):
    """Person masks."""

    annotator: Literal["blazepose", "selfie", "segment_anything", "sam2_video"] = "blazepose"
    weights: Annotated[str, "segment_anything, sam2_video: name of the weights, see `figureground weights list`."] = (
        "sam_vit_h"
    )


@dataclass(frozen=True)
class TracksConfig(_Section):
    """Background point tracks."""

    annotator: Literal["lucas_kanade", "dense_flow", "recovering", "cotracker3"] = "recovering"
    points: Annotated[int, Ge(16), Le(4096), "Points alive at a time, on a grid outside the persons."] = 256
    forward_backward_px: Annotated[float, Gt(0), "Largest error of the way back at 360 px, px."] = 1.0
    source: Annotated[
        str, "cotracker3: folder of a checkout, or owner/repository:commit; empty: the installed module."
    ] = ""


@dataclass(frozen=True)
class ComputeConfig(_Section):
    """Where the networks of research-grade annotators run. Shapes a corpus no more than rounding does."""

    device: Annotated[str, "cuda, cuda:N or cpu."] = "cuda"
    precision: Annotated[Literal["float32", "float16", "bfloat16"], "On a GPU; a CPU computes in float32."] = "float16"
    batch: Annotated[int, Ge(1), Le(256), "Pictures at a time; halved where the GPU's memory is too small."] = 8


@dataclass(frozen=True)
class MediaConfig(_Section):
    """The stored video."""

    codec: Literal["h264"] = "h264"
    crf: Annotated[int, Ge(0), Le(51), "Constant rate factor of x264."] = 18
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"] = "veryfast"
    gop: Annotated[int, Ge(1), Le(600), "Frames from one key frame to the next, at most."] = 12


@dataclass(frozen=True)
class LimitsConfig(_Section):
    """What one input may cost before it becomes a failed row."""

    attempts: Annotated[int, Ge(1), Le(10), "Worker deaths an input may cause before it is given up."] = 3
    stall_s: Annotated[float, Gt(0), "Seconds without any progress on an input before it is given up."] = 300.0
    max_pixels: Annotated[int, Ge(1), "Largest decoded picture, px."] = 64_000_000
    max_streams: Annotated[int, Ge(1), "Largest number of streams in a container."] = 64
    max_bytes: Annotated[int, Ge(1), "Largest file, bytes."] = 64 * 2**30
    max_frames: Annotated[int, Ge(1), "Most frames of a source; reading stops there."] = 10_000_000
    max_duration_s: Annotated[float, Gt(0), "Longest source, seconds of video; reading stops there."] = 172_800.0
    max_decode_s: Annotated[float, Gt(0), "Seconds the decoder may spend on a source; reading stops there."] = 86_400.0


@dataclass(frozen=True)
class Config(_Section):
    """What shapes a corpus. Equal configurations and sources give equal corpora."""

    recipe: Literal["human5000", "moving-ground", "everything"] = "human5000"
    frames: FramesConfig = FramesConfig()
    shots: ShotsConfig = ShotsConfig()
    clips: ClipsConfig = ClipsConfig()
    screening: Annotated[dict[str, Limit], "Allowed range of each score, by name."] = field(default_factory=dict)
    near_duplicate_bits: Annotated[
        float | None, Ge(0), Le(32), "Clips whose hashes differ by at most so many of 64 bits are one; None: off."
    ] = None
    pose: PoseConfig = PoseConfig()
    masks: MasksConfig = MasksConfig()
    tracks: TracksConfig = TracksConfig()
    media: MediaConfig = MediaConfig()
    limits: LimitsConfig = LimitsConfig()
    compute: ComputeConfig = ComputeConfig()

    def __post_init__(self) -> None:
        unknown = sorted(set(self.screening) - set(SCORE_NAMES))
        if unknown:
            raise ValueError(f"screening: no score named {', '.join(unknown)}; scores are {', '.join(SCORE_NAMES)}")

    def digest(self) -> str:
        """SHA-256 over the canonical JSON of what shapes the corpus, hex."""
        return hashlib.sha256(json.dumps(_shaping(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class RayConfig(_Section):
    """The Ray cluster that `--engine ray` runs on."""

    address: Annotated[
        str | None, "`auto`, `host:port` or `ray://host:port` of a running cluster; None: one on this machine."
    ] = None
    start_s: Annotated[float, Gt(0), "Seconds without any worker before the run is given up."] = 180.0
    gpus_per_worker: Annotated[
        float | None, Gt(0), Le(1), "Share of a GPU that a worker of the render farm takes; None: a whole one, if any."
    ] = None


@dataclass(frozen=True)
class BeamConfig(_Section):
    """The Beam runner that `--engine beam` gives its job to."""

    options: Annotated[
        tuple[str, ...], "Standard Beam pipeline options, `--name=value` each; none: several processes on this machine."
    ] = ()
    exchange: Annotated[
        Path | None, "Folder that driver and workers reach under the same path; None: a temporary one on this machine."
    ] = None
    silence_s: Annotated[
        float, Ge(5), "A job of which no worker gave a sign of life for so long is submitted again."
    ] = 60.0


@dataclass(frozen=True)
class EngineConfig(_Section):
    """Where the stages run. Shapes no corpus: one begun on an engine may be continued on another."""

    ray: RayConfig = RayConfig()
    beam: BeamConfig = BeamConfig()


def differences(old: Config, new: Config) -> list[str]:
    """One line per leaf that differs: `key.path: old -> new`. The section `compute` may."""
    a, b = _leaves(_shaping(old)), _leaves(_shaping(new))
    return [f"{k}: {a.get(k)!r} -> {b.get(k)!r}" for k in sorted(a | b) if a.get(k) != b.get(k)]


def _shaping(config: Config) -> dict[str, Any]:
    """The tree without the section that may differ from machine to machine."""
    return {name: section for name, section in asdict(config).items() if name != "compute"}


def _leaves(tree: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(tree, dict):
        return {prefix: tree}
    return {k: v for key, sub in tree.items() for k, v in _leaves(sub, f"{prefix}.{key}".lstrip(".")).items()}
