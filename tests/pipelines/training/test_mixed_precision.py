"""Mixed precision: weights stay in single precision, and a resumed run equals an uninterrupted one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("accelerate", reason="training needs accelerate")

from accelerate import Accelerator  # noqa: E402
from accelerate.state import AcceleratorState  # noqa: E402
from safetensors import safe_open  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

from pipelines.training.build import build_pipeline  # noqa: E402
from pipelines.training.checkpoint import latest_checkpoint  # noqa: E402
from pipelines.training.curve import Curve  # noqa: E402
from pipelines.training.run import train  # noqa: E402
from pipelines.training.trainer import Trainer  # noqa: E402
from pipelines.training_data.dataset import Share  # noqa: E402
from schemas.errors import ConfigError  # noqa: E402
from tests.pipelines.training.tiny_stage import Noise, stage  # noqa: E402


@pytest.fixture(autouse=True)
def own_precision() -> Iterator[None]:
    """The state of accelerate is one per process, precision included."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def run(out: Path, precision: str, steps: int, scale: float = 65536.0) -> Trainer:
    """fp16: accelerate leaves it out on a CPU, so this does what it does on a GPU. scale: of losses, at first."""
    out.mkdir(exist_ok=True)
    AcceleratorState._reset_state(reset_partial_state=True)
    accelerator = Accelerator(cpu=True, mixed_precision=precision)
    if precision == "fp16":
        accelerator.native_amp = True
        accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=scale)
    config = stage(f"steps={steps}", f"optimizer.precision='{precision}'", "optimizer.warmup_steps=1")
    trainer = Trainer(build_pipeline(config), config, out, accelerator)
    trainer.run(Noise(), Curve(out, steps, 1, lambda line: None))
    return trainer


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_errs_as_single_does_to_a_few_digits_and_keeps_the_weights_single(
    tmp_path: Path, precision: str
):
    half = run(tmp_path / "half", precision, 4)
    run(tmp_path / "single", "no", 4)
    assert all(parameter.dtype == torch.float32 for parameter in half.trainee.parameters())
    a, b = (losses(tmp_path / name) for name in ("half", "single"))
    assert a != b, "nothing was computed in half precision"
    assert a == pytest.approx(b, rel=0.02)


def losses(out: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (out / "curve.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_resumed_run_in_half_precision_equals_an_uninterrupted_one(tmp_path: Path, precision: str):
    run(tmp_path / "whole", precision, 4)
    run(tmp_path / "parts", precision, 2)
    assert run(tmp_path / "parts", precision, 4).step == 4
    a, b = (latest_checkpoint(tmp_path / name / "checkpoints") for name in ("whole", "parts"))
    first, second = load_file(a), load_file(b)
    assert all(torch.equal(first[name], second[name]) for name in first)
    with safe_open(a, "pt") as one, safe_open(b, "pt") as other:
        told, again = (file.metadata()["training"].partition('"scaler"')[2] for file in (one, other))
    assert told == again and ("_growth_tracker" in told) == (precision == "fp16")


def test_a_loss_scaled_too_far_costs_its_steps_and_the_next_run_knows_the_scale(tmp_path: Path):
    trained = run(tmp_path, "fp16", 2, scale=2.0**60)
    begun = build_pipeline(stage()).unet.state_dict()
    assert all(torch.equal(p, begun[name]) for name, p in trained.pipeline.unet.named_parameters())
    assert trained.accelerator.scaler.get_scale() == 2.0**58
    assert run(tmp_path, "fp16", 3, scale=4.0).accelerator.scaler.get_scale() == 2.0**57


def test_fp16_on_a_cpu_is_refused_rather_than_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    with pytest.raises(ConfigError, match="fp16 needs a GPU"):
        train((Share("synthetic"),), stage("optimizer.precision=fp16"), tmp_path, print)
