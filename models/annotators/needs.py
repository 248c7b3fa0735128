"""What the annotators of a configuration need: weights by name, and a GPU."""

from __future__ import annotations

from collections.abc import Collection

from schemas.config import Config, PoseConfig
from schemas.errors import ConfigError

OPENPOSE_BODY, OPENPOSE_HAND, OPENPOSE_FACE = "openpose_body", "openpose_hand", "openpose_face"
DWPOSE_DETECTOR, DWPOSE_JOINTS = "dwpose_detector", "dwpose_133"
COTRACKER_OFFLINE, COTRACKER_ONLINE = "cotracker3_offline", "cotracker3_online"
KINDS = ("poses", "masks", "tracks")
_RESEARCH = frozenset({"openpose", "dwpose", "segment_anything", "sam2_video", "cotracker3"})


def needs_gpu(config: Config) -> bool:
    """Whether an annotator of the configuration runs on a GPU."""
    named = {config.pose.annotator, config.masks.annotator, config.tracks.annotator}
    return bool(named & _RESEARCH) and config.compute.device != "cpu"


def gpu_number(config: Config) -> int | None:
    """Number of the GPU that the configuration names, as CUDA counts them; None if any will do."""
    _, _, number = config.compute.device.partition(":")
    return int(number) if number.isdecimal() else None


def research_weights(config: Config, kinds: Collection[str] = KINDS) -> tuple[str, ...]:
    """Names of the weights that research-grade annotators need to make these kinds of annotations.

    Of CoTracker3 those for windows too: a clip may be too long to be looked at whole, or the GPU too small.
    """
    names: list[str] = []
    if "poses" in kinds and config.pose.annotator == "openpose":
        names += openpose_weights(config.pose)
    if "poses" in kinds and config.pose.annotator == "dwpose":
        names += [DWPOSE_DETECTOR, DWPOSE_JOINTS]
    if "masks" in kinds and config.masks.annotator == "segment_anything":
        names.append(config.masks.weights)
    if "masks" in kinds and config.masks.annotator == "sam2_video":
        names += sam2_weights(config.masks.weights)
    if "tracks" in kinds and config.tracks.annotator == "cotracker3":
        names += [COTRACKER_OFFLINE, COTRACKER_ONLINE]
    return tuple(names)


def openpose_weights(config: PoseConfig) -> tuple[str, ...]:
    """Networks of OpenPose that the configuration needs."""
    return (OPENPOSE_BODY, OPENPOSE_HAND, OPENPOSE_FACE) if config.hands_and_face else (OPENPOSE_BODY,)


def sam2_weights(weights: str) -> tuple[str, str]:
    """Names of the tensors and of the description of a SAM 2. Raises ConfigError for weights of the first SAM."""
    if weights.startswith("sam_"):
        raise ConfigError(f"masks.weights={weights} are not of SAM 2; for sam2_video choose one such as sam2_large")
    return weights, f"{weights}_config"


def is_research(annotator: str) -> bool:
    """Whether an annotator is research-grade: it wants a GPU and the packages of the extra `annotate`."""
    return annotator in _RESEARCH
