"""The command as a user runs it: watched, terminated, refused a second time, and gone on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from datetime import datetime
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")

from pipelines.cli.rendering import next_time
from pipelines.farm.jobfile import write_jobs
from schemas.errors import ConfigError
from tests.command_line import COMMAND, REPOSITORY, figureground
from tests.pipelines.small_farm import SmallFarm, digests


@pytest.mark.slow
def test_a_terminated_batch_goes_on_and_says_where_it_stands(tmp_path: Path) -> None:
    farm = SmallFarm.at(tmp_path)
    jobs = farm.batch(tmp_path / "unused", 12, "warp").jobs
    write_jobs(tmp_path / "jobs.jsonl", jobs)
    words = ("render", tmp_path / "jobs.jsonl", "--corpus", farm.corpus, "--workers", 1, "--loop-poses", "--json")
    out = tmp_path / "renders"
    with subprocess.Popen(
        [*COMMAND, *map(str, (*words, "--out", out))], cwd=REPOSITORY, env=os.environ, stderr=subprocess.PIPE, text=True
    ) as driver:
        assert driver.stderr is not None
        while json.loads(driver.stderr.readline())["event"] != "video":
            pass
        driver.send_signal(signal.SIGSTOP)  # so that it is under way however long the others take to start
        told = json.loads(figureground("status", out, "--json").stdout)
        assert told["by"] and told["left"] is not None
        second = figureground(*words, "--out", out)
        assert second.returncode == 1
        assert f"is being written by process {driver.pid}" in second.stderr
        driver.send_signal(signal.SIGTERM)
        driver.send_signal(signal.SIGCONT)
        began = time.monotonic()
        said = driver.stderr.read()
        assert driver.wait(60) == 130
        assert "Run the same command again to go on" in said
        assert time.monotonic() - began < 60
    assert "nobody is rendering" in figureground("status", out).stdout
    again = figureground(*words, "--out", out)
    assert again.returncode == 0, again.stderr
    assert len(digests(out)) == 12
    assert figureground("status", out, "--page").stdout.startswith("12 videos done, 0 failed, 0 left; 0 begun")
    other = figureground(*words, "--out", out, "--grid")
    assert other.returncode == 1 and "grid: False there, True now" in other.stderr


def test_bad_jobs_are_told_together_and_nothing_is_begun(tmp_path: Path) -> None:
    farm = SmallFarm.at(tmp_path)
    lines = [{"reference": farm.ids["pan"], "pose": farm.ids["pan"], "seconds": 1}, {"reference": "x", "pose": "y"}]
    (tmp_path / "jobs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [*lines, {"pose": 1}]))
    run = figureground("render", tmp_path / "jobs.jsonl", "--corpus", farm.corpus, "--out", tmp_path / "renders")
    assert run.returncode == 1
    assert "line 2: reference" in run.stderr and "line 3: pose" in run.stderr
    assert "2 jobs cannot be rendered; nothing is begun. --skip-invalid renders the other 1." in run.stderr
    assert not (tmp_path / "renders").exists()


def test_a_list_says_itself_what_to_render_and_nothing_else_may(tmp_path: Path) -> None:
    run = figureground("render", tmp_path / "jobs.jsonl", "--corpus", tmp_path, "--seed", 3)
    assert run.returncode == 1 and "leave out --seed" in run.stderr
    run = figureground("render", "--corpus", tmp_path, "--pose", "CLIP")
    assert run.returncode == 1 and "--reference and --pose" in run.stderr


@pytest.mark.parametrize(
    ("text", "day", "hour"), [("07:00", 24, 7), ("23:30", 23, 23), ("22:59", 24, 22), ("23:00", 24, 23)]
)
def test_until_is_the_next_time_the_clock_says_so(text: str, day: int, hour: int) -> None:
    at = next_time(text, datetime(2026, 11, 23, 23, 0))
    assert (at.day, at.hour) == (day, hour)


@pytest.mark.parametrize("text", ["7", "25:00", "noon", ""])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="HH:MM"):
        next_time(text)
