"""Real networks and real footage, loaded once."""

from __future__ import annotations

import pytest

from models.annotators.base import TrackedPerson
from models.annotators.blazepose import BlazePose
from models.weights.wheels import wheel_members
from schemas.config import PoseConfig
from schemas.records import Frames
from tests.models.footage import load

DEMO = "Sports2D/Demo/demo.mp4"


@pytest.fixture(scope="session")
def jumper() -> Frames:
    """A man jumps on a wall under a still camera; a woman comes out from behind a tree."""
    return load(wheel_members("sports2d", "0.8.34", [DEMO])[DEMO], count=24, start=40, step=2)


@pytest.fixture(scope="session")
def blazepose() -> BlazePose:
    return BlazePose(PoseConfig())


@pytest.fixture(scope="session")
def jumper_persons(blazepose: BlazePose, jumper: Frames) -> tuple[TrackedPerson, ...]:
    return blazepose.annotate(jumper)
