"""Training with a reference network, by a setting."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("accelerate", reason="training needs accelerate")

from models.generator.pipeline import HumanVideoPipeline  # noqa: E402
from schemas.errors import ConfigError  # noqa: E402
from tests.pipelines.training.test_train_verb import train  # noqa: E402
from tests.pipelines.training.tiny_stage import run, stage, trainer  # noqa: E402

ON = "model.reference_network=true"


def test_the_verb_trains_one_and_goes_on_in_the_roll_out(tmp_path):
    first = train(tmp_path / "video", "data.pool_shards=0", "steps=4", "optimizer.learning_rate=0.01", ON)
    assert first.exit_code == 0, first.output
    model = json.loads(first.stdout.splitlines()[-1])["model"]
    network = HumanVideoPipeline.from_pretrained(model).unet.reference_unet
    assert all(project.weight.any() for project in network.values)
    second = train(tmp_path / "rollout", f"model.start={model}", "rollout_steps=1", ON, config="pocket-rollout")
    assert second.exit_code == 0, second.output


def test_a_resumed_run_computes_what_an_undisturbed_one_would_have(tmp_path):
    whole = run(tmp_path / "whole", stage("steps=4", ON))
    run(tmp_path / "parts", stage("steps=2", ON))
    rest = run(tmp_path / "parts", stage("steps=4", ON))
    for name, weight in whole.trainee.named_parameters():
        assert torch.equal(weight, rest.trainee.get_parameter(name))


def test_motion_alone_leaves_it_as_it_was(tmp_path):
    before = trainer(tmp_path / "a", stage(ON)).pipeline.unet.reference_unet.state_dict()
    after = run(tmp_path / "b", stage("steps=2", "model.train=motion", ON)).pipeline.unet.reference_unet.state_dict()
    assert all(torch.equal(after[name], weight) for name, weight in before.items())


@pytest.mark.parametrize("on", [False, True])
def test_a_model_keeps_it_or_does_without(tmp_path, on):
    settings = (ON,) if on else ()
    run(tmp_path, stage("steps=1", *settings)).export(tmp_path / "model")
    other = () if on else (ON,)
    with pytest.raises(ConfigError, match=f"set model.reference_network={on}, as it is in"):
        trainer(tmp_path / "other", stage(f"model.start={tmp_path / 'model'}", *other))
