"""Nothing is lost or doubled on Ray, whatever is killed."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.command_line import REPOSITORY


def chaos(*arguments: object) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.conformance.ray_chaos", *map(str, arguments)]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=280, check=False)
    assert run.returncode == 0, run.stderr
    result: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return result


@pytest.mark.parametrize(
    ("kills", "sources"), [pytest.param(4, 6), pytest.param(20, 30, marks=pytest.mark.slow)], ids=["slice", "long"]
)
def test_killed_actors_and_workers_lose_and_double_nothing(kills: int, sources: int) -> None:
    result = chaos("kills", kills, sources, 0.5)
    assert result["clips"] == sources * 8
    assert result["most_often"] == 1
    assert result["verdicts"] == {"done": sources}
    assert sum(result["killed"].values()) == kills


@pytest.mark.slow
def test_a_node_that_goes_away_loses_and_doubles_nothing() -> None:
    result = chaos("node", 20, 0.5)
    assert result["nodes_left"] == 1
    assert (result["clips"], result["most_often"], result["verdicts"]) == (20 * 8, 1, {"done": 20})
