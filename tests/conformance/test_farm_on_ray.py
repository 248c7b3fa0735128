"""A batch on a Ray cluster gives the bytes of a batch on this machine, also when a worker dies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")
pytest.importorskip("ray", reason="ray is not installed")

from pipelines.farm.crews import hire_from
from pipelines.farm.orders import ClipMade
from pipelines.farm.run import render_batch
from schemas.config import RayConfig
from tests.pipelines.farm_processes import drive
from tests.pipelines.small_farm import SmallFarm, digests


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
