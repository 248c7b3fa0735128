"""Whether a network uses what it is given: giving it another clip's must raise the loss.

A loss that goes down says nothing about it: a network can learn to ignore its encoders (prototype 1 did).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
MEAN_ONLY = DisturbanceConfig(0, 0, 0, 0, condition_noise=0, pure_noise=1)
"""Nothing dropped or disturbed, and the mean predicted out of pure noise: the conditions tell all there is to know."""

Given = tuple[PreparedClip, Tensor]
"""A clip's conditions, and the last frame of the clip before, 0..1."""


def condition_use(
    objective: Objective, trainee: nn.Module, clip: PreparedClip, last_B3HW: Tensor, seed: int = 0
) -> dict[str, float]:
    """By how much, relative, the loss at pure noise rises when one condition alone comes from the next clip.

    condition: the condition frames; pose, points: the rasters; reference: the global feature. Batches of at least two.
    """
    changed = each_shuffled(clip, last_B3HW)
    return rises(
        [losses_by_condition(objective, trainee, (clip, last_B3HW), changed, MEAN_ONLY, step_generator(seed, 0))]
    )


def each_shuffled(clip: PreparedClip, last_B3HW: Tensor) -> dict[str, Given]:
    """The clips with one condition at a time as the network is shown it of the next clip, everything else right."""
    other = torch.roll(torch.arange(len(clip)), 1)
    frames = {name: clip.tensors()[name][other] for name in ("warped_BT3HW", "valid_BT1HW", "alpha_BT1HW")}
    return {
        "pose": (replace(clip, pose_BT3HW=clip.pose_BT3HW[other]), last_B3HW),
        "points": (replace(clip, points_BT3HW=clip.points_BT3HW[other]), last_B3HW),
        "condition": (replace(clip, **frames), last_B3HW[other]),
        "reference": (replace(clip, other_B3HW=clip.other_B3HW[other]), last_B3HW),
    }


@torch.no_grad()
def losses_by_condition(
    objective: Objective,
    trainee: nn.Module,
    right: Given,
    changed: Mapping[str, Given],
    disturb: DisturbanceConfig,
    generator: torch.Generator,
) -> dict[str, float]:
    """The loss of `right`, under that name, and that of its frames made from each of the changed conditions.

    All are measured in the same regions, against the same condition, with the same noise and the same things dropped.
    """
    clip, last = right
    latents = latents_of(objective.vae, clip.frames_BT3HW)
    timesteps = objective.scheduler.config.num_train_timesteps
    drawn = draw(generator, tuple(latents.shape), timesteps, disturb, latents.device)
    base = conditions(objective.condition, objective.vae, clip, last, drawn).condition_BTKhw[:, :, : latents.shape[2]]
    found = {}
    for name, (other, before) in {"right": right, **changed}.items():
        given = conditions(objective.condition, objective.vae, other, before, drawn)
        shown = replace(clip, other_B3HW=other.other_B3HW)
        found[name] = float(objective.losses_of(trainee, shown, latents, given, drawn, base).loss)
    return found


def rises(losses: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """By how much, relative, the mean loss of each changed condition is above that of the right ones. One per batch."""
    total = {name: sum(batch[name] for batch in losses) for name in losses[0]}
    return {name: value / total["right"] - 1 for name, value in total.items() if name != "right"}


def ignored(uses: Mapping[str, float]) -> list[str]:
    """The conditions that might as well be another clip's, each with the rise of the loss."""
    return [f"{name} ({rise:+.2%})" for name, rise in uses.items() if rise < LEAST_RISE]


def require_used(uses: Mapping[str, float], names: tuple[str, ...]) -> None:
    """Raise GenerationError where one of the named conditions is ignored."""
    if found := ignored({name: uses[name] for name in names}):
        raise GenerationError(f"the network ignores its conditions: another clip's {', '.join(found)} does as well")
