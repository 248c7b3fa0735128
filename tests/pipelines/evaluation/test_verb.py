"""The verb as a user runs it: workers of their own, a report, exit codes, and clear refusals."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch", reason="torch is not installed")

from pipelines.corpus.read import Corpus
from pipelines.farm.folder import TABLE
from tests.command_line import figureground
from tests.pipelines.evaluation.renders import MODEL, copied, repeating, same, write_renders
from tests.pipelines.s3_server import s3_server

SECONDS = 32 / 12


def test_renders_are_measured_by_workers_and_a_broken_one_makes_the_exit_code(
    tmp_path: Path, corpus: Corpus, ids: dict[str, str]
) -> None:
    good, bad, broken = (repeating(ids["zoom"], SECONDS, seed) for seed in range(3))
    folder = write_renders(tmp_path / "renders", corpus, {good: same, bad: copied, broken: same})
    words = ("evaluate", folder.root, "--corpus", corpus.root, "--metrics", "psnr", "--metrics", "steady")
    words += ("--out", tmp_path / "report", "--workers", 2)
    run = figureground(*words, "--json", check=True)
    assert json.loads(run.stdout)["metrics"]["psnr"]["worst"] == bad.job_id
    assert {path.name for path in (tmp_path / "report").iterdir()} >= {"report.json", "report.parquet", "index.html"}
    scored = {row["job_id"]: row for row in pq.read_table(folder.root / TABLE).to_pylist()}
    assert scored[good.job_id]["psnr"] > scored[bad.job_id]["psnr"] + 3 and scored[good.job_id]["warp_error"] > 0
    assert scored[good.job_id]["track_error"] is None, "it was not asked for"
    folder.video(broken.job_id).write_bytes(b"gone bad")
    folder.judge(broken, {"verdict": "done", "sha256": "0" * 64} | MODEL)
    again = figureground(*words)
    assert again.returncode == 3
    assert f"{broken.job_id}: the video: MediaError" in again.stderr
    assert "psnr" in again.stdout and "index.html" in again.stdout
    scored = {row["job_id"]: row for row in pq.read_table(folder.root / TABLE).to_pylist()}
    assert scored[good.job_id]["psnr"] is not None
    assert scored[broken.job_id]["psnr"] is None, "what was measured was another video"


def test_renders_in_a_bucket_are_measured_there(
    tmp_path: Path, corpus: Corpus, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    good, gone = (repeating(ids["zoom"], SECONDS, seed) for seed in range(2))
    words = ("--corpus", corpus.root, "--metrics", "psnr", "--out", tmp_path / "report", "--workers", 1)
    with s3_server() as (environment, _):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        folder = write_renders("s3://data/renders", corpus, {good: same, gone: copied})
        figureground("evaluate", folder.root, *words, check=True)
        rows = pq.read_table(io.BytesIO((folder.root / TABLE).read_bytes())).to_pylist()
        scored = {row["job_id"]: row["psnr"] for row in rows if row["verdict"] == "done"}
        assert scored[good.job_id] > scored[gone.job_id] + 3
        folder.video(gone.job_id).unlink()
        folder.judge(gone, {"verdict": "done", "sha256": "0" * 64} | MODEL)
        again = figureground("evaluate", folder.root, *words)
    assert again.returncode == 3
    assert f"{gone.job_id}: the video: MediaError: s3://data/renders/videos/{gone.job_id}.mp4" in again.stderr


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("evaluate",), "give a folder of renders and --corpus, or --videos and --truth"),
        (("evaluate", "{renders}"), "give a folder of renders and --corpus"),
        (("evaluate", "--videos", "{renders}"), "--videos takes --truth DIR"),
        (("evaluate", "{renders}", "--corpus", "{corpus}", "--metrics", "vmaf"), "no metric named 'vmaf'"),
        (("evaluate", "{renders}", "--corpus", "{corpus}"), "is no folder of renders"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_a_line(
    words: tuple[str, ...], error: str, tmp_path: Path, corpus: Corpus
) -> None:
    given = [word.format(renders=tmp_path, corpus=corpus.root) for word in words]
    run = figureground(*given, "--out", tmp_path / "report")
    assert run.returncode == 1
    assert error in run.stderr and "Traceback" not in run.stderr
    assert not (tmp_path / "report").exists()
