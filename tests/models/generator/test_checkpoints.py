"""The generators that come along."""

from __future__ import annotations

from importlib.resources import as_file, files

import pytest

torch = pytest.importorskip("torch", reason="the generator needs the torch extra")

from models.generator.pipeline import HumanVideoPipeline  # noqa: E402
from models.generator.training.draws import step_generator  # noqa: E402
from models.generator.training.sampling import noise_for, sample_clip  # noqa: E402
from models.generator.training.step import Objective  # noqa: E402
from models.generator.training.trainee import Trainee  # noqa: E402
from models.generator.training.use import (  # noqa: E402
    MEAN_ONLY,
    each_shuffled,
    losses_by_condition,
    require_used,
    rises,
)
from pipelines.training.prepare import prepare_window  # noqa: E402
from pipelines.training.sources import SyntheticSource  # noqa: E402
from schemas.training import TrainedModelConfig, TrainingConfig  # noqa: E402

UNSEEN_SEED = 990_017


@pytest.mark.parametrize("size", [64, 128])
def test_the_pocket_corrects_the_warp_on_scenes_it_has_not_seen(size: int):
    with as_file(files("models.generator.checkpoints") / "pocket") as folder:
        pipeline = HumanVideoPipeline.from_pretrained(folder)
    source = SyntheticSource(UNSEEN_SEED, size, pipeline.config.clip_frames)
    (clip,) = prepare_window(next(source.batches(1, 6, 0)))
    noise = noise_for(pipeline, clip, step_generator(0, 0))
    for steps in (1, 2):
        made = sample_clip(pipeline, clip, clip.frames_BT3HW[:, 0], steps, noise)
        warp, pocket = (psnr(video, clip.frames_BT3HW) for video in (clip.warped_BT3HW, made))
        assert pocket > warp + 0.5


def test_the_plain_pocket_uses_the_pose_and_the_points():
    with as_file(files("models.generator.checkpoints") / "pocket-plain") as folder:
        pipeline = HumanVideoPipeline.from_pretrained(folder)
    settings = TrainingConfig(model=TrainedModelConfig(condition="repeat", residual=True))
    objective = Objective(pipeline.vae, pipeline.scheduler, "repeat", settings)
    trainee = Trainee(pipeline)
    batches = SyntheticSource(UNSEEN_SEED, pipeline.config.size, pipeline.config.clip_frames).batches(1, 8, 0)
    losses = []
    for _ in range(2):
        (clip,) = prepare_window(next(batches))
        right = clip, clip.frames_BT3HW[:, 0]
        changed = {name: given for name, given in each_shuffled(*right).items() if name in ("pose", "points")}
        losses.append(losses_by_condition(objective, trainee, right, changed, MEAN_ONLY, step_generator(0, 0)))
    require_used(rises(losses), ("pose", "points"))


def psnr(made: torch.Tensor, truth: torch.Tensor) -> float:
    error = (made - truth)[:, 1:].square().mean((1, 2, 3, 4))
    return float(-10 * error.log10().mean())
