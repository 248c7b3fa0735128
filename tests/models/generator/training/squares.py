"""Clips of a white square on grey, moved by the pose raster alone: small enough to be learnt in seconds."""

from __future__ import annotations

import torch

from models.generator.pipeline import HumanVideoPipeline
from models.generator.pocket import pocket
from models.generator.training.prepared import PreparedClip
from models.generator.training.step import Objective
from models.generator.training.trainee import Trainee
from schemas.training import DisturbanceConfig, TrainedModelConfig, TrainingConfig

SIZE, SQUARE = 16, 6
NOTHING_DISTURBED = DisturbanceConfig(0, 0, 0, 0, condition_noise=0, pure_noise=0.5)


def squares(seed: int, batch: int = 4, frames: int = 3) -> tuple[PreparedClip, torch.Tensor]:
    """Prepared clips, and the last frame of the clip before each: grey."""
    generator = torch.Generator().manual_seed(seed)
    corner = torch.randint(SIZE - SQUARE, (batch, frames, 2), generator=generator)
    axis = torch.arange(SIZE)
    rows, columns = ((axis >= corner[..., i, None]) & (axis < corner[..., i, None] + SQUARE) for i in (0, 1))
    figure = (rows[..., :, None] & columns[..., None, :]).float()[:, :, None]
    video = (0.5 + 0.4 * figure).expand(-1, -1, 3, -1, -1)
    grey = torch.full_like(video, 0.5)
    ones = torch.ones_like(figure)
    clip = PreparedClip(
        frames_BT3HW=video,
        figure_BT1HW=figure,
        warped_BT3HW=grey,
        valid_BT1HW=ones,
        alpha_BT1HW=0 * ones,
        pose_BT3HW=figure.expand(-1, -1, 3, -1, -1),
        points_BT3HW=0 * video,
        other_B3HW=video[:, 0],
    )
    return clip, grey[:, 0]


def config(**settings) -> TrainingConfig:
    model = TrainedModelConfig(condition="repeat", residual=True, widths=(8, 16, 16))
    return TrainingConfig(model=model, disturb=NOTHING_DISTURBED, **settings)


def tiny() -> HumanVideoPipeline:
    torch.manual_seed(0)
    return pocket("repeat", residual=True, widths=(8, 16, 16))


def objective(pipeline: HumanVideoPipeline, settings: TrainingConfig | None = None) -> Objective:
    return Objective(pipeline.vae, pipeline.scheduler, pipeline.config.condition, settings or config())


def learn(pipeline: HumanVideoPipeline, steps: int) -> Trainee:
    """A generator that has seen some squares."""
    trainee, aim = Trainee(pipeline), objective(pipeline)
    optimizer = torch.optim.AdamW(trainee.parameters(), lr=3e-3)
    for step in range(steps):
        clip, last = squares(step, frames=2)
        optimizer.zero_grad()
        aim.losses(trainee, clip, last, torch.Generator().manual_seed(step)).loss.backward()
        optimizer.step()
    return trainee
