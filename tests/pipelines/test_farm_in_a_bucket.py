"""Renders at an s3:// address, over real HTTP: the same files as in a folder, whatever is killed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pyarrow.parquet as pq
import pytest

pytest.importorskip("safetensors", reason="safetensors is not installed")

from pipelines.corpus.objects import ObjectPath
from pipelines.farm.folder import TABLE, Progress, RendersFolder
from pipelines.farm.page import write_page
from pipelines.farm.status import read_status
from pipelines.farm.table import write_table
from schemas.errors import ConfigError
from schemas.render_jobs import RenderJob
from tests.command_line import COMMAND, REPOSITORY, figureground
from tests.pipelines.s3_server import s3_server

JOB = RenderJob("who", "how")
SETTINGS = {"model": "a test", "model_sha256": "0" * 64, "steps": 0, "grid": False}


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    with s3_server() as environments:
        yield environments


@pytest.fixture(params=["direct", "troubled"])
def s3(
    servers: tuple[dict[str, str], dict[str, str]], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> str:
    """This process finds the bucket, straight or through a proxy that makes trouble; a prefix in it."""
    for name, value in servers[request.param == "troubled"].items():
        monkeypatch.setenv(name, value)
    return f"s3://data/{request.param}"


def save(path: Path) -> None:
    path.write_bytes(b"a state")


def test_a_video_is_begun_gone_on_with_and_finished_in_a_bucket(s3: str) -> None:
    folder = RendersFolder.at(f"{s3}/renders")
    folder.refuse_strangers()
    folder.settle(SETTINGS)
    assert folder.progress(JOB.job_id) is None
    before = Progress(2, Fraction(12), (32, 32))
    after = folder.add(JOB.job_id, before, b"first", 6, 0.5, save)
    assert RendersFolder.at(f"{s3}/renders").progress(JOB.job_id) == after
    with folder.state(JOB.job_id, 1) as path:
        assert path.read_bytes() == b"a state"
    assert not path.exists()
    assert folder.clips_made() == {JOB.job_id: 1}
    assert folder.add(JOB.job_id, after, b"second", 5, 0.5, None).whole
    assert folder.pieces(JOB.job_id, 2) == [b"first", b"second"]
    done = {"frames": 11, "width": 32, "height": 32, "clips": 2, "path": "videos/it.mp4", "timings": {"render_s": 1}}
    folder.finish(JOB, b"whole", SETTINGS | done)
    assert folder.video(JOB.job_id).read_bytes() == b"whole"
    assert folder.clips_made() == {}
    folder.keep_scores(JOB.job_id, hashlib.sha256(b"whole").hexdigest(), {"psnr": 30.0})
    assert write_table(folder) == 1
    (row,) = pq.read_table(io.BytesIO((folder.root / TABLE).read_bytes())).to_pylist()
    assert (row["job_id"], row["verdict"], row["psnr"]) == (JOB.job_id, "done", 30.0)
    assert JOB.job_id in str(write_page(folder).read_bytes())
    status = read_status(folder)
    assert (status.done, status.frames, status.begun, status.by) == (1, 11, {}, None)


def test_damaged_work_in_a_bucket_is_not_gone_on_with(s3: str) -> None:
    folder = RendersFolder.at(f"{s3}/damaged")
    folder.settle(SETTINGS)
    folder.add(JOB.job_id, Progress(3, Fraction(12), (32, 32)), b"first", 6, 0.5, save)
    (state,) = (place for place in (folder.root / "work" / JOB.job_id).iterdir() if place.suffix == ".safetensors")
    assert isinstance(state, ObjectPath)
    state.write(b"another")
    assert folder.progress(JOB.job_id) is None
    folder.sweep([JOB.job_id])
    assert not list((folder.root / "work").iterdir())


def test_a_prefix_of_other_things_or_settings_is_refused(s3: str) -> None:
    folder = RendersFolder.at(f"{s3}/mine")
    (folder.root / "thesis.pdf").write(b"")
    with pytest.raises(ConfigError, match=r"holds other things \(thesis.pdf\)"):
        folder.refuse_strangers()
    (folder.root / "thesis.pdf").unlink()
    folder.settle(SETTINGS)
    with pytest.raises(ConfigError, match="grid: False there, True now"):
        folder.settle(SETTINGS | {"grid": True})


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_driver_goes_on_in_the_bucket_with_the_same_bytes(
    servers: tuple[dict[str, str], dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("diffusers", reason="diffusers is not installed")
    from pipelines.farm.jobfile import write_jobs
    from tests.pipelines.farm_processes import drive
    from tests.pipelines.small_farm import SmallFarm, digests, jobs_of

    farm = SmallFarm.at(tmp_path)
    whole = replace(farm.batch(tmp_path / "whole", 1), jobs=jobs_of(farm.ids, 3, 40))
    drive(whole)
    write_jobs(tmp_path / "jobs.jsonl", whole.jobs)
    for name, value in servers[0].items():
        monkeypatch.setenv(name, value)
    renders = "s3://data/killed/renders"
    words = ["render", tmp_path / "jobs.jsonl", "--corpus", farm.corpus, "--model", farm.model, "--steps", 2]
    words += ["--workers", 1, "--loop-poses", "--out", renders]
    with subprocess.Popen([*COMMAND, *map(str, words)], cwd=REPOSITORY, env=os.environ) as driver:
        folder = RendersFolder.at(renders)
        while driver.poll() is None and sum(folder.clips_made().values()) < 2:
            time.sleep(0.2)
        driver.send_signal(signal.SIGKILL)
    assert sum(folder.clips_made().values()) >= 2 and not list(folder.verdicts())
    assert json.loads(figureground("status", renders, "--json", check=True).stdout)["by"] is None
    again = figureground(*words, check=True)
    assert "goes on with clip" in again.stderr
    made = {
        row["job_id"]: hashlib.sha256(folder.video(row["job_id"]).read_bytes()).hexdigest() for row in folder.verdicts()
    }
    assert made == digests(whole.out)
    assert not list((folder.root / "work").iterdir())
