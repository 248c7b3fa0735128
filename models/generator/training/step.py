"""What one step of training computes: the loss of a prepared clip.

Shape suffixes: B batch, T frames, C latent channels, H W pixels, h w latent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models.generator.features import ClipConditions
from models.generator.latents import decode
from models.generator.training.draws import Draw, draw
from models.generator.training.losses import Regions, blur, denoised, region_errors, snr_weights, weighed
from models.generator.training.prepared import PreparedClip
from models.generator.training.trainee import conditions, latents_of, reference_latents
from schemas.training import TrainingConfig


@dataclass(frozen=True, slots=True)
class Losses:
    """loss: a number to go down from. errors: per region (B, T), relative to the condition's. timestep_B: drawn."""

    loss: Tensor
    errors: dict[str, Tensor]
    timestep_B: Tensor


@dataclass(frozen=True, slots=True)
class Objective:
    """What is learnt, apart from the weights. scheduler: for the noise levels. condition: name of the builder."""

    vae: Any
    scheduler: Any
    condition: str
    config: TrainingConfig

    def losses(self, trainee: nn.Module, clip: PreparedClip, last_B3HW: Tensor, generator: torch.Generator) -> Losses:
        """The loss of a clip; last: the last frame of the clip before, 0..1."""
        latents = latents_of(self.vae, clip.frames_BT3HW)
        timesteps = self.scheduler.config.num_train_timesteps
        drawn = draw(generator, tuple(latents.shape), timesteps, self.config.disturb, latents.device)
        given = conditions(self.condition, self.vae, clip, last_B3HW, drawn)
        base = given.condition_BTKhw[:, :, : latents.shape[2]]
        return self.losses_of(trainee, clip, latents, given, drawn, base)

    def losses_of(
        self,
        trainee: nn.Module,
        clip: PreparedClip,
        latents: Tensor,
        given: ClipConditions,
        drawn: Draw,
        base_BTChw: Tensor,
    ) -> Losses:
        """The same for conditions and a draw that are there already. base: latents that errors are measured against."""
        residual = self.config.model.residual
        noisy = self.scheduler.add_noise(latents, drawn.noise_BTChw, drawn.timestep_B)
        other = clip.other_B3HW * 2 - 1
        other_latents = reference_latents(self.vae, clip, reference_network=self.config.model.reference_network)
        prediction = trainee(noisy, drawn.timestep_B, other, drawn.reference_kept_B, given, other_latents)
        target = latents
        if not residual:
            target = self.scheduler.get_velocity(latents, drawn.noise_BTChw, drawn.timestep_B)
        regions = Regions.of(clip, (latents.shape[-2], latents.shape[-1]))
        errors = region_errors(prediction.float() - target, base_BTChw - latents, regions)
        weights = snr_weights(
            drawn.timestep_B, self.scheduler.alphas_cumprod, self.config.loss.snr_cap, residual=residual
        )
        loss = weighed(errors, weights, self.config.loss)
        if weight := self.config.loss.sharpness:
            made = prediction.float()
            if not residual:
                made = denoised(noisy, made, self.scheduler.alphas_cumprod.to(made)[drawn.timestep_B])
            pixels = decode(self.vae, made.flatten(0, 1)).unflatten(0, made.shape[:2])
            loss = loss + weight * blur((pixels + 1) / 2, clip.frames_BT3HW).mean()
        return Losses(loss, errors, drawn.timestep_B)
