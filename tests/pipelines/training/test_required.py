"""A stage that requires its conditions to be used fails where the network learnt to ignore one."""

from __future__ import annotations

import json
import sys

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("accelerate", reason="training needs accelerate")

from models.generator.pipeline import HumanVideoPipeline  # noqa: E402
from pipelines.cli.app import main  # noqa: E402
from pipelines.training.feeds import Fed  # noqa: E402
from pipelines.training.required import (  # noqa: E402
    CLIPS,
    require_conditions_used,
    require_learnable,
    use_as_trained,
)
from schemas.errors import ConfigError, GenerationError  # noqa: E402
from tests.models.generator.training.squares import learn, objective, squares, tiny  # noqa: E402
from tests.pipelines.training.tiny_stage import TINY, stage  # noqa: E402


class Squares:
    """A feed of clips that only the pose tells apart."""

    def fed(self, step, generator):
        return Fed(*squares(1000 + step, batch=8))


@pytest.fixture(scope="module")
def learnt() -> HumanVideoPipeline:
    pipeline = tiny()
    learn(pipeline, 50)
    return pipeline


def test_enough_clips_are_measured():
    assert CLIPS >= 64


def test_a_network_that_learnt_from_the_pose_passes_and_one_whose_encoder_is_dead_fails(learnt, tmp_path):
    config = stage("require_used=[pose]")
    aim = objective(learnt, config)
    used = use_as_trained(Squares(), aim, learnt)
    assert used["pose"] > 0.1
    require_conditions_used(used, config, tmp_path)
    encoder = learnt.unet.foreground_encoder
    weights = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.zero_()
    dead = use_as_trained(Squares(), aim, learnt)
    encoder.load_state_dict(weights)
    assert dead["pose"] == 0
    with pytest.raises(GenerationError, match=r"ignores its conditions: another clip's pose \(\+0\.00%\).*64 held-out"):
        require_conditions_used(dead, config, tmp_path)


def test_conditions_are_dropped_as_the_stage_drops_them(learnt):
    shares = {}
    for dropped in (0.0, 0.5, 1.0):
        config = stage(f"disturb.drop_pose={dropped}", "disturb.pure_noise=1")
        shares[dropped] = use_as_trained(Squares(), objective(learnt, config), learnt)["pose"]
    assert shares[0.0] > shares[0.5] > shares[1.0] == 0


def test_a_condition_that_is_never_shown_cannot_be_required():
    require_learnable(stage("require_used=[pose]", "disturb.drop_points=1"))
    with pytest.raises(ConfigError, match=r"points is never shown, for disturb\.drop_points is 1"):
        require_learnable(stage("require_used=[pose, points]", "disturb.drop_points=1"))


def train(monkeypatch, out, required: str) -> None:
    words = ["figureground", "train", "--corpus", "synthetic", "--config", "pocket-video", "--out", str(out)]
    settings = (*TINY, "steps=2", "data.pool_shards=0", "optimizer.warmup_steps=1", f"require_used={required}")
    monkeypatch.setattr(sys, "argv", [*words, *(word for setting in settings for word in ("--set", setting))])
    main()


def test_a_stage_that_taught_nothing_leaves_its_model_and_an_error(monkeypatch, tmp_path, capfd):
    with pytest.raises(SystemExit) as ended:
        train(monkeypatch, tmp_path, "[condition, pose, reference]")
    assert ended.value.code == 1
    said = capfd.readouterr().err
    assert "another clip's pose" in said and "reference" in said and "condition (" not in said
    assert f"The trained generator is in {tmp_path / 'model'} all the same" in " ".join(said.split())
    HumanVideoPipeline.from_pretrained(tmp_path / "model")
    last = json.loads((tmp_path / "curve.jsonl").read_text().splitlines()[-1])
    assert last["use_as_trained/condition"] > 0.001 > last["use_as_trained/pose"]
    with pytest.raises(SystemExit) as passed:  # the same folder, gone on with: only what is required has changed
        train(monkeypatch, tmp_path, "[condition]")
    assert passed.value.code in (0, None), capfd.readouterr().err
