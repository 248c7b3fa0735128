"""A batch on a Ray cluster gives the bytes of a batch on this machine, also when a worker or a node dies."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")
pytest.importorskip("ray", reason="ray is not installed")

from pipelines.farm.crews import hire_from
from pipelines.farm.folder import RendersFolder
from pipelines.farm.orders import ClipMade
from pipelines.farm.run import render_batch
from pipelines.farm.worker import Rendering
from pipelines.render_card import read_card
from schemas.config import RayConfig
from schemas.errors import ConfigError
from tests.command_line import REPOSITORY
from tests.pipelines.farm_processes import drive
from tests.pipelines.small_farm import SmallFarm, digests


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_ray_gives_the_same_bytes_and_outlives_a_worker(tmp_path: Path) -> None:
    farm = SmallFarm.at(tmp_path)
    here = farm.batch(tmp_path / "here", 3, "warp")
    drive(here)
    there = replace(here, out=tmp_path / "there")
    ended: list[int] = []

    def told(_: Any, event: Any) -> None:
        if isinstance(event, ClipMade) and not ended:
            for process in psutil.Process().children(recursive=True):
                if any("worker_main" in word for word in process.cmdline()):
                    process.kill()
                    ended.append(process.pid)

    tally = render_batch(there, hire_from("ray", 1, RayConfig()), told)
    assert ended, "a worker was killed"
    assert (tally.done, tally.failed, tally.left) == (3, 0, 0)
    assert digests(there.out) == digests(here.out)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_node_that_is_lost_costs_no_video_and_its_workers_shared_a_gpu(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.conformance.farm_node", str(tmp_path)]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout.splitlines()[-1])
    assert result["nodes"] == 1, "a node was taken away"
    assert result["workers"] >= 2 and result["gpus_free"] == 2 - 3 * 0.5
    assert (result["done"], result["failed"], result["rows"], result["equal"]) == (8, 0, 8, True)


@pytest.mark.usefixtures("ray_cluster")
@pytest.mark.parametrize(
    ("workers", "share", "room"),
    [(9, None, "1 "), (3, 0.5, "2 "), (9, 0.1, "4 ")],
    ids=["gpus", "halves", "processors"],
)
def test_more_workers_than_a_cluster_has_room_for_are_refused_at_once(
    tmp_path: Path, workers: int, share: float | None, room: str
) -> None:
    work = Rendering(str(tmp_path), RendersFolder(tmp_path / "renders"), read_card("warp"), {})
    with pytest.raises(ConfigError, match=f"{workers} workers.* do not fit: the Ray cluster has room for {room}"):
        hire_from("ray", workers, RayConfig(gpus_per_worker=share))(work)
