"""Several processes train one generator, as `accelerate launch` starts them for several GPUs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("accelerate", reason="training needs accelerate")

from safetensors.torch import load_file  # noqa: E402

from models.generator.pipeline import HumanVideoPipeline  # noqa: E402
from pipelines.training.checkpoint import latest_checkpoint  # noqa: E402
from tests.pipelines.training.tiny_stage import TINY  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[3]
LAUNCH = (
    *(sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"),
    *("--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"),
)
"""`--multi_gpu` goes the way of GPUs, torch's elastic agent; ACCELERATE_USE_CPU puts the processes on this one."""


def train(out: Path, stage: str, steps: int, *launch: str) -> dict[str, int]:
    settings = (*TINY, f"steps={steps}", "data.pool_shards=0", "optimizer.decay_steps=0", f"stage={stage}")
    out.mkdir(exist_ok=True)
    command = out / "figureground.py"
    command.write_text("from pipelines.cli import main\n\nmain()\n")
    words = [*launch, str(command), "train", "--corpus", "synthetic", "--json", "--config", "pocket-video"]
    words += ["--out", str(out)]
    run = subprocess.run(
        [*words, *(word for setting in settings for word in ("--set", setting))],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(next(line for line in run.stdout.splitlines() if line.startswith("{")))


def weights(out: Path) -> dict[str, torch.Tensor]:
    return load_file(latest_checkpoint(out / "checkpoints"))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("stage", ["images", "video"])
def test_two_processes_train_together_and_go_on_after_a_checkpoint_exactly(tmp_path: Path, stage: str) -> None:
    train(tmp_path / "whole", stage, 4, *LAUNCH)
    assert train(tmp_path / "parts", stage, 2, *LAUNCH)["already"] == 0
    assert train(tmp_path / "parts", stage, 4, *LAUNCH)["already"] == 2
    a, b = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert set(a) == set(b) and all(torch.equal(a[name], b[name]) for name in a)
    lines = [json.loads(line)["step"] for line in (tmp_path / "whole" / "curve.jsonl").read_text().splitlines()]
    assert lines == [1, 2, 3, 4, 4], "one process alone reports"
    HumanVideoPipeline.from_pretrained(tmp_path / "whole" / "model")
    train(tmp_path / "alone", stage, 4, sys.executable)
    alone = weights(tmp_path / "alone")
    assert not all(torch.equal(a[name], alone[name]) for name in a), "the second process teaches, too"
