"""The verb `train`, and the stages that come along."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("accelerate", reason="training needs accelerate")

from models.generator.conditions import condition_builder
from models.generator.pipeline import HumanVideoPipeline
from pipelines.cli.app import app
from pipelines.training.stages import stage_file, stage_names
from schemas.config_loading import load_training_config
from schemas.errors import ConfigError, CorpusError

TINY = [
    "data.size=16", "data.frames=3", "data.batch=2", "model.widths=[8, 8, 16]", "steps=2", "log_every=1",
    "optimizer.warmup_steps=1",
]  # fmt: skip


def train(out, *settings, config="pocket-video", corpus="synthetic"):
    arguments = ["train", "--corpus", corpus, "--config", config, "--out", str(out), "--json"]
    for setting in (*TINY, *settings):
        arguments += ["--set", setting]
    return CliRunner().invoke(app, arguments)


def test_a_stage_leaves_a_model_a_curve_samples_and_a_board(tmp_path):
    result = train(tmp_path, "data.pool_shards=0")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout.splitlines()[-1])
    assert (said["steps"], said["already"]) == (2, 0)
    assert HumanVideoPipeline.from_pretrained(said["model"]).config.condition == "warped-last12"
    lines = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert {"use/pose", "use/points", "use/condition", "use/reference"} <= set(lines[-1])
    assert list((tmp_path / "samples").glob("*.png"))
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_the_same_command_goes_on_and_other_settings_are_an_error(tmp_path):
    train(tmp_path, "data.pool_shards=0")
    again = train(tmp_path, "data.pool_shards=0", "steps=3")
    assert json.loads(again.stdout.splitlines()[-1])["already"] == 2
    assert isinstance(train(tmp_path, "data.pool_shards=0", "seed=4").exception, ConfigError)


HOLD = """
import sys
from pathlib import Path
from pipelines.corpus.lock import file_lock
with file_lock(Path(sys.argv[1]) / "lock", sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_that_another_run_trains_in_is_left_alone_and_a_dead_one_does_not_keep_it(tmp_path):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], text=True, **pipes) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"
            refused = train(tmp_path, "data.pool_shards=0")
            assert isinstance(refused.exception, CorpusError)
            assert f"{tmp_path} is being written by process {other.pid} on" in str(refused.exception)
            assert [path.name for path in tmp_path.iterdir()] == ["lock"]
        finally:
            other.kill()
    assert train(tmp_path, "data.pool_shards=0").exit_code == 0


def test_every_stage_that_comes_along_is_whole_and_named_by_size_and_kind():
    assert stage_names() == sorted(
        f"{size}-{kind}" for size in ("pocket", "full") for kind in ("images", "video", "rollout")
    )
    for name in stage_names():
        config = load_training_config(stage_file(name))
        assert name == f"{config.model.kind}-{config.stage}"
        condition_builder(config.model.condition)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("optimizer.rate=1", "optimizer.rate: no such setting"),
        ("data.size=8", "data.size: Input should be greater than or equal to 16"),
        ("stage=talk", "stage: Input should be"),
        ("model.condition=nosuch", "unknown condition"),
        ("model.kind=full", "model.base"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(tmp_path, setting, message):
    result = train(tmp_path, setting)
    assert isinstance(result.exception, ConfigError)
    assert message in str(result.exception)


def test_a_stage_that_is_neither_file_nor_name_is_refused(tmp_path):
    result = train(tmp_path, config="pocket-nosuch")
    assert "those are full-images" in str(result.exception)
