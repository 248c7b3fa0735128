"""A batch is killed wherever it hurts; given again, it ends with the bytes of a batch that nobody disturbed."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")

from pipelines.failpoints import ONCE_VARIABLE, VARIABLE
from pipelines.farm.folder import TABLE
from pipelines.farm.orders import ClipMade, VideoDone
from pipelines.farm.run import Batch
from tests.pipelines.farm_processes import drive, pids_of, start_driver, start_machine
from tests.pipelines.small_farm import CLIP_FRAMES, SmallFarm, digests, jobs_of

FAILPOINTS = (
    "piece.before",
    "piece.after",
    "state.after",
    "progress.after",
    "video.before",
    "video.after",
    "verdict.after",
)
QUICK = ("piece.after", "state.after", "video.after")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Batch]:
    """By model, each rendered undisturbed."""
    root = tmp_path_factory.mktemp("whole")
    farm = SmallFarm.at(root)
    batches = {"warp": farm.batch(root / "warp", 8, "warp"), "model": farm.batch(root / "generator", 3)}
    for batch in batches.values():
        tally, _ = drive(batch)
        assert (tally.done, tally.failed) == (len(batch.jobs), 0)
    return batches


@pytest.mark.parametrize("name", ["warp", "model"])
@pytest.mark.parametrize(
    "failpoint", [p if p in QUICK else pytest.param(p, marks=pytest.mark.slow) for p in FAILPOINTS]
)
def test_a_worker_killed_while_it_writes_is_replaced_within_the_run(
    whole: dict[str, Batch], name: str, failpoint: str, tmp_path: Path
) -> None:
    batch = replace(whole[name], out=tmp_path / "renders", jobs=whole[name].jobs[:3])
    once = {VARIABLE: f"render.{failpoint}", ONCE_VARIABLE: str(tmp_path / "once")}
    tally, told = drive(batch, environment=once)
    assert (tmp_path / "once").exists(), f"{failpoint} was never reached"
    assert tally.failed == tally.left == 0
    assert len({event.job_id for event in told if isinstance(event, VideoDone)}) == 3
    wanted = digests(whole[name].out)
    assert digests(batch.out) == {job.job_id: wanted[job.job_id] for job in batch.jobs}
    assert not list((batch.out / "work").iterdir())


def test_workers_killed_at_random_change_nothing(whole: dict[str, Batch], tmp_path: Path) -> None:
    batch, chance, kills = replace(whole["warp"], out=tmp_path / "renders"), random.Random(3), Counter[str]()

    def kill_now_and_then(_: object, event: object) -> None:
        if isinstance(event, ClipMade) and kills["worker"] < 6 and chance.random() < 0.4:
            kills["worker"] += killed(chance.choice(hired(batch.out)))

    drive(batch, workers=2, told=kill_now_and_then)
    assert kills["worker"] >= 2
    assert_done_once(batch, whole["warp"])


def test_a_machine_that_dies_at_random_times_changes_nothing(whole: dict[str, Batch], tmp_path: Path) -> None:
    batch, chance = replace(whole["warp"], out=tmp_path / "renders"), random.Random(4)
    for _ in range(4):
        before, machine = written(batch.out), start_machine(batch)
        while machine.is_alive() and written(batch.out) == before:
            machine.join(0.05)
        machine.join(chance.uniform(0.0, 0.5))
        machine.kill()
        machine.join()
    machine = start_machine(batch)
    machine.join()
    assert machine.exitcode == 0
    assert_done_once(batch, whole["warp"])


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", ["warp", "model"])
def test_two_hundred_jobs_outlive_thirty_kills(name: str, tmp_path: Path) -> None:
    farm = SmallFarm.at(tmp_path)
    undisturbed = farm.batch(tmp_path / "whole", 200, "warp" if name == "warp" else "")
    if name == "model":  # of one clip or two each
        undisturbed = replace(undisturbed, jobs=jobs_of(farm.ids, 200, 2 * CLIP_FRAMES - 1))
    drive(undisturbed, workers=2)
    batch = replace(undisturbed, out=tmp_path / "renders")
    kills = kill_until_done(batch, 2, random.Random(5), (0.2, 2.0), most=40)
    assert sum(kills.values()) >= 30, kills
    assert_done_once(batch, undisturbed)


def assert_done_once(batch: Batch, undisturbed: Batch) -> None:
    """Every job has one row, and the bytes that it has undisturbed."""
    assert digests(batch.out) == digests(undisturbed.out)
    rows = pq.read_table(batch.out / TABLE).to_pylist()
    assert sorted(row["job_id"] for row in rows) == sorted(job.job_id for job in batch.jobs)
    assert {row["verdict"] for row in rows} == {"done"}
    assert not list((batch.out / "work").iterdir())


def kill_until_done(
    batch: Batch, workers: int, chance: random.Random, pause_s: tuple[float, float], most: int
) -> Counter[str]:
    """Start drivers until one gets to the end; kill at most so many of them and of their workers on the way."""
    kills: Counter[str] = Counter()
    while True:
        driver = start_driver(batch, workers)
        while driver.is_alive() and kills.total() < most:
            driver.join(chance.uniform(*pause_s))
            if driver.is_alive() and (at_work := hired(batch.out)):
                what = "driver" if kills.total() % 3 == 2 else "worker"
                kills[what] += killed(driver.pid if what == "driver" else chance.choice(at_work))
        driver.join()
        if driver.exitcode == 0:
            return kills
        assert driver.exitcode == -signal.SIGKILL


def written(renders: Path) -> int:
    """How much has been made: clips of videos under way, and whole ones."""
    return len({path for path in renders.rglob("*.mp4") if not path.name.startswith(".")})


def hired(renders: Path) -> list[int]:
    """Workers that live. A process id may have gone to somebody else's process since."""
    if not pids_of(renders).exists():
        return []
    noted = [line.split() for line in pids_of(renders).read_text().splitlines()]
    return [int(pid) for pid, born in noted if abs(was_born(int(pid)) - float(born)) < 1]


def was_born(pid: int) -> float:
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return 0.0


def killed(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
