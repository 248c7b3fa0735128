"""What a step draws at random: timesteps, noise, and what is dropped. A function of (seed, step, process) alone.

Shape suffixes: B batch, T frames, C channels, h w latent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from schemas.training import DisturbanceConfig


def step_generator(seed: int, step: int, process: int = 0) -> torch.Generator:
    """The source of everything random in a step: a resumed run draws what an uninterrupted one draws."""
    mixed = np.random.SeedSequence([seed, step, process]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(mixed) >> 1)


@dataclass(frozen=True, slots=True)
class Draw:
    """timestep_B: int64. noise, condition_noise: like the latents, the second scaled already. kept: (B,) 0 or 1."""

    timestep_B: Tensor
    noise_BTChw: Tensor
    condition_noise_BTChw: Tensor
    pose_kept_B: Tensor
    points_kept_B: Tensor
    reference_kept_B: Tensor
    condition_kept_B: Tensor
    warp_kept_B: Tensor
    last_kept_B: Tensor


def draw(
    generator: torch.Generator, shape: tuple[int, ...], timesteps: int, config: DisturbanceConfig, device: torch.device
) -> Draw:
    """Drawn on the CPU, so alike on every device. shape: of the latents. timesteps: of the scheduler's training."""
    batch = shape[0]

    def uniform() -> Tensor:
        return torch.rand(batch, generator=generator)

    def kept(dropped: float) -> Tensor:
        return (uniform() >= dropped).float().to(device)

    time = uniform() ** config.timestep_power
    time = torch.where(uniform() < config.pure_noise, 1.0, time)
    strength = config.condition_noise * (2 * uniform() - 1).clamp_min(0)
    noise = torch.randn(shape, generator=generator)
    condition_noise = torch.randn(shape, generator=generator) * strength.view(-1, 1, 1, 1, 1)
    return Draw(
        timestep_B=(time * timesteps).long().clamp_max(timesteps - 1).to(device),
        noise_BTChw=noise.to(device),
        condition_noise_BTChw=condition_noise.to(device),
        pose_kept_B=kept(config.drop_pose),
        points_kept_B=kept(config.drop_points),
        reference_kept_B=kept(config.drop_reference),
        condition_kept_B=kept(config.drop_condition),
        warp_kept_B=kept(config.drop_warp),
        last_kept_B=kept(config.drop_last),
    )


def over_clip(values_B: Tensor) -> Tensor:
    """(B, 1, 1, 1, 1)."""
    return values_B.view(-1, 1, 1, 1, 1)
