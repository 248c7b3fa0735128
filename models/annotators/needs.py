"""What the annotators of a configuration need: weights by name, and a GPU."""

from __future__ import annotations

from schemas.config import Config, PoseConfig

OPENPOSE_BODY, OPENPOSE_HAND, OPENPOSE_FACE = "openpose_body", "openpose_hand", "openpose_face"
DWPOSE_DETECTOR, DWPOSE_JOINTS = "dwpose_detector", "dwpose_133"
COTRACKER_OFFLINE, COTRACKER_ONLINE = "cotracker3_offline", "cotracker3_online"
_RESEARCH = frozenset({"openpose", "dwpose", "segment_anything", "cotracker3"})


def needs_gpu(config: Config) -> bool:
    """Whether an annotator of the configuration runs on a GPU."""
    named = {config.pose.annotator, config.masks.annotator, config.tracks.annotator}
    return bool(named & _RESEARCH) and config.compute.device != "cpu"


def research_weights(config: Config) -> tuple[str, ...]:
    """Names of the weights that the research-grade annotators of the configuration need."""
    names: list[str] = []
    if config.pose.annotator == "openpose":
        names += openpose_weights(config.pose)
    if config.pose.annotator == "dwpose":
        names += [DWPOSE_DETECTOR, DWPOSE_JOINTS]
    if config.masks.annotator == "segment_anything":
        names.append(config.masks.weights)
    if config.tracks.annotator == "cotracker3":
        names.append(COTRACKER_OFFLINE)
    return tuple(names)


def openpose_weights(config: PoseConfig) -> tuple[str, ...]:
    """Networks of OpenPose that the configuration needs."""
    return (OPENPOSE_BODY, OPENPOSE_HAND, OPENPOSE_FACE) if config.hands_and_face else (OPENPOSE_BODY,)


def is_research(annotator: str) -> bool:
    """Whether an annotator is research-grade: it wants a GPU and the packages of the extra `annotate`."""
    return annotator in _RESEARCH
