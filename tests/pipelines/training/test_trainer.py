"""The loop: resuming, stopping at NaN, what learns, what is saved."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("accelerate", reason="training needs accelerate")

from safetensors.torch import load_file  # noqa: E402

from models.generator.pipeline import HumanVideoPipeline  # noqa: E402
from pipelines.training.build import build_feed  # noqa: E402
from pipelines.training.checkpoint import latest_checkpoint  # noqa: E402
from pipelines.training.sources import SyntheticSource  # noqa: E402
from pipelines.training.trainer import learning_rate  # noqa: E402
from schemas.errors import ConfigError, GenerationError  # noqa: E402
from tests.pipelines.training.tiny_stage import Noise, run, stage, trainer  # noqa: E402


@pytest.mark.parametrize("stage_name", ["images", "video"])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tmp_path, stage_name):
    whole = run(tmp_path / "whole", stage("steps=5", f"stage={stage_name}"))
    run(tmp_path / "parts", stage("steps=2", f"stage={stage_name}"))
    resumed = run(tmp_path / "parts", stage("steps=5", f"stage={stage_name}"))
    assert resumed.step == whole.step == 5
    a, b = (load_file(latest_checkpoint(tmp_path / name / "checkpoints")) for name in ("whole", "parts"))
    assert set(a) == set(b)
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_resumed_roll_out_equals_an_uninterrupted_one_bit_for_bit(tmp_path):
    """Its first clips are made by the weights of the step."""

    def roll_out(name, steps):
        (tmp_path / name).mkdir(exist_ok=True)
        config = stage("stage=rollout", f"steps={steps}", "optimizer.warmup_steps=1")
        made = trainer(tmp_path / name, config)
        feed = build_feed(SyntheticSource(5, 16, 3), config, tmp_path, made.pipeline, (torch.device("cpu"), 0, 1))
        made.run(feed, None)
        return made

    whole = roll_out("whole", 5)
    roll_out("parts", 2)
    resumed = roll_out("parts", 5)
    assert resumed.step == whole.step == 5
    a, b = (load_file(latest_checkpoint(tmp_path / name / "checkpoints")) for name in ("whole", "parts"))
    assert all(torch.equal(a[name], b[name]) for name in a)
    begun = dict(trainer(tmp_path / "new", stage("stage=rollout")).trainee.named_parameters())
    assert not torch.equal(whole.trainee.unet.conv_out.weight, begun["unet.conv_out.weight"])


def test_a_killed_run_goes_on_from_its_last_checkpoint(tmp_path):
    class Killed(Noise):
        def fed(self, step, generator):
            if step == 3:
                raise KeyboardInterrupt
            return super().fed(step, generator)

    config = stage("steps=5")
    whole = run(tmp_path / "whole", config)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", config, Killed())
    assert latest_checkpoint(tmp_path / "killed" / "checkpoints").name == "step_00000002.safetensors"
    resumed = run(tmp_path / "killed", config)
    assert all(torch.equal(resumed.average.weights[name], tensor) for name, tensor in whole.average.weights.items())


def test_a_step_that_was_interrupted_half_way_is_in_no_checkpoint(tmp_path, monkeypatch):
    config = stage("steps=5")
    whole = run(tmp_path / "whole", config)
    (tmp_path / "parts").mkdir()
    interrupted = trainer(tmp_path / "parts", config)
    update = interrupted.average.update

    def interrupt(module):
        if interrupted.step == 3:
            raise KeyboardInterrupt
        update(module)

    monkeypatch.setattr(interrupted.average, "update", interrupt)
    with pytest.raises(KeyboardInterrupt):
        interrupted.run(Noise(), None)
    interrupted.save()
    assert latest_checkpoint(tmp_path / "parts" / "checkpoints").name == "step_00000002.safetensors"
    resumed = run(tmp_path / "parts", config)
    assert all(torch.equal(resumed.average.weights[name], tensor) for name, tensor in whole.average.weights.items())


def test_an_interrupted_look_leaves_the_weights_in_their_place(tmp_path):
    def interrupt(step, pipeline):
        raise KeyboardInterrupt

    made = run(tmp_path, stage("steps=2"))
    before = {name: parameter.detach().clone() for name, parameter in made.trainee.named_parameters()}
    with pytest.raises(KeyboardInterrupt):
        made.with_average(interrupt)
    assert all(torch.equal(parameter, before[name]) for name, parameter in made.trainee.named_parameters())
    assert made.trainee.training


def test_other_settings_are_refused_and_named(tmp_path):
    run(tmp_path, stage("steps=2"))
    with pytest.raises(ConfigError, match=r"optimizer\.learning_rate: 0\.01 -> 0\.02"):
        trainer(tmp_path, stage("steps=2", "optimizer.learning_rate=0.02"))


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    run(tmp_path, stage("steps=2"))
    path = latest_checkpoint(tmp_path / "checkpoints")
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ConfigError, match="is no checkpoint of this stage"):
        trainer(tmp_path, stage("steps=2"))


def test_nan_stops_the_run_and_keeps_the_batch(tmp_path):
    class Damaged(Noise):
        def fed(self, step, generator):
            fed = super().fed(step, generator)
            if step == 3:
                fed.clip.pose_BT3HW[0, 0, 0, 0, 0] = torch.nan
            return fed

    with pytest.raises(GenerationError, match="at step 3: the batch is kept in"):
        run(tmp_path, stage("steps=5"), Damaged())
    (kept,) = tmp_path.glob("not_finite_step_00000003_*.safetensors")
    assert load_file(kept)["pose_BT3HW"].isnan().sum() == 1
    assert latest_checkpoint(tmp_path / "checkpoints").name == "step_00000002.safetensors"


def test_only_the_motion_blocks_learn_where_that_is_wished(tmp_path):
    before = {n: p.detach().clone() for n, p in trainer(tmp_path / "a", stage()).trainee.named_parameters()}
    after = run(tmp_path / "b", stage("steps=2", "model.train=motion")).trainee
    changed = {name for name, parameter in after.named_parameters() if not torch.equal(parameter, before[name])}
    assert changed and all(".motion_modules." in name for name in changed)


def test_single_frames_cannot_teach_motion():
    from pipelines.training.build import build_pipeline

    with pytest.raises(ConfigError, match="use the stage `video`"):
        build_pipeline(stage("stage=images", "model.train=motion"))


def test_what_is_saved_is_the_average_and_loads_as_a_generator(tmp_path):
    trained = run(tmp_path, stage("steps=3", "optimizer.ema=0.9"))
    weights = {name: parameter.detach().clone() for name, parameter in trained.trainee.named_parameters()}
    trained.export(tmp_path / "model")
    loaded = HumanVideoPipeline.from_pretrained(tmp_path / "model")
    for name, parameter in loaded.unet.named_parameters():
        assert torch.equal(parameter, trained.average.weights[f"unet.{name}"])
    assert all(torch.equal(parameter, weights[name]) for name, parameter in trained.trainee.named_parameters())
    assert (loaded.config.size, loaded.config.clip_frames) == (16, 3)


def test_a_stage_begins_with_what_another_left_and_a_model_keeps_its_condition(tmp_path):
    run(tmp_path, stage("steps=1")).export(tmp_path / "model")
    started = trainer(tmp_path / "next", stage(f"model.start={tmp_path / 'model'}"))
    left = HumanVideoPipeline.from_pretrained(tmp_path / "model")
    assert all(torch.equal(p, started.trainee.get_parameter(f"unet.{n}")) for n, p in left.unet.named_parameters())
    with pytest.raises(ConfigError, match="a model keeps its condition"):
        trainer(tmp_path / "other", stage(f"model.start={tmp_path / 'model'}", "model.condition=warped"))


def test_the_curve_has_a_line_for_every_report(tmp_path):
    run(tmp_path, stage("steps=4"))
    lines = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert all(line["loss"] > 0 for line in lines)


def test_the_rate_rises_stays_and_falls():
    config = stage("steps=100", "optimizer.warmup_steps=10", "optimizer.decay_steps=50")
    rates = [learning_rate(config, step) for step in range(100)]
    assert rates[:10] == sorted(rates[:10]) and rates[0] == pytest.approx(0.001)
    assert set(rates[9:51]) == {0.01}
    assert rates[50:] == sorted(rates[50:], reverse=True) and rates[-1] < 1e-4


def test_gradients_are_the_same_with_and_without_checkpointing(tmp_path):
    plain = run(tmp_path / "a", stage("steps=1"))
    config = stage("steps=1")
    thrifty = run(tmp_path / "b", replace(config, model=replace(config.model, gradient_checkpointing=True)))
    for name, tensor in plain.average.weights.items():
        torch.testing.assert_close(thrifty.average.weights[name], tensor)
