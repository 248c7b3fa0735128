"""Whether a network uses what it is given: giving it another clip's must raise the loss.

A loss that goes down says nothing about it: a network can learn to ignore its encoders (prototype 1 did).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from models.generator.training.draws import draw, step_generator
from models.generator.training.prepared import PreparedClip
from models.generator.training.step import Objective
from models.generator.training.trainee import conditions, latents_of
from schemas.errors import GenerationError
from schemas.training import DisturbanceConfig

LEAST_RISE = 0.001
"""Rise of the loss, relative, below which a condition counts as ignored."""
_MEAN_ONLY = DisturbanceConfig(0, 0, 0, 0, condition_noise=0, pure_noise=1)


@torch.no_grad()
def condition_use(
    objective: Objective, trainee: nn.Module, clip: PreparedClip, last_B3HW: Tensor, seed: int = 0
) -> dict[str, float]:
    """By how much, relative, the loss at pure noise rises when one condition alone comes from the next clip.

    condition: the condition frames; pose, points: the rasters; reference: the global feature. Batches of at least two.
    """
    latents = latents_of(objective.vae, clip.frames_BT3HW)
    timesteps = objective.scheduler.config.num_train_timesteps
    drawn = draw(step_generator(seed, 0), tuple(latents.shape), timesteps, _MEAN_ONLY, latents.device)
    given = conditions(objective.condition, objective.vae, clip, last_B3HW, drawn)
    base = given.condition_BTKhw[:, :, : latents.shape[2]]

    def loss(used: PreparedClip = clip, **changed: Tensor) -> float:
        shuffled = given._replace(**changed)
        return float(objective.losses_of(trainee, used, latents, shuffled, drawn, base).loss)

    right = loss()
    other = torch.roll(torch.arange(len(clip)), 1)
    risen = {
        "pose": loss(pose_BT3HW=given.pose_BT3HW[other]),
        "points": loss(points_BT3HW=given.points_BT3HW[other]),
        "condition": loss(condition_BTKhw=given.condition_BTKhw[other]),
        "reference": loss(replace(clip, other_B3HW=clip.other_B3HW[other])),
    }
    return {name: value / right - 1 for name, value in risen.items()}


def ignored(uses: Mapping[str, float]) -> list[str]:
    """The conditions that might as well be another clip's, each with the rise of the loss."""
    return [f"{name} ({rise:+.2%})" for name, rise in uses.items() if rise < LEAST_RISE]


def require_used(uses: Mapping[str, float], names: tuple[str, ...]) -> None:
    """Raise GenerationError where one of the named conditions is ignored."""
    if found := ignored({name: uses[name] for name in names}):
        raise GenerationError(f"the network ignores its conditions: another clip's {', '.join(found)} does as well")
