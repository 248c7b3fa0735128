"""Clips made by a generator in training: its mean prediction, and samples, from conditions that are there already.

Shape suffixes: B batch, T frames, C latent channels, H W pixels.
"""

from __future__ import annotations

from collections.abc import Set

import torch
from torch import Tensor

from models.generator.features import ClipConditions
from models.generator.global_features import global_feature
from models.generator.latents import decode
from models.generator.pipeline import HumanVideoPipeline
from models.generator.schedulers import sampler
from models.generator.training.draws import Draw
from models.generator.training.prepared import PreparedClip
from models.generator.training.trainee import conditions, reference_latents


@torch.no_grad()
def sample_clip(
    pipeline: HumanVideoPipeline,
    clip: PreparedClip,
    last_B3HW: Tensor,
    steps: int,
    noise_BTChw: Tensor,
    without: Set[str] = frozenset(),
) -> Tensor:
    """Frames (B, T, 3, H, W) in 0..1 by DDIM; one step gives the mean prediction. last: of the clip before, 0..1.

    without: what to leave out, of pose, points, reference, condition, warp, last. The pipeline keeps its scheduler.
    """
    unet, config = pipeline.unet, pipeline.unet.config
    given, reference_kept = whole_conditions(pipeline, clip, last_B3HW, without)
    feature = unet.clip_feature(given)
    tokens = global_feature(pipeline.image_encoder, clip.other_B3HW * 2 - 1) * reference_kept
    other = reference_latents(pipeline.vae, clip, reference_network=config.reference_network)
    reference = unet.video_keys_values(tokens, other)
    scheduler = sampler("ddim", residual=config.residual)
    scheduler.set_timesteps(steps, device=noise_BTChw.device)
    latents = noise_BTChw
    for step, timestep in enumerate(scheduler.timesteps):
        output = unet(latents.to(unet.dtype), timestep, reference, feature).float()
        made = scheduler.step(output, timestep, latents)
        latents = made.pred_original_sample if step == steps - 1 else made.prev_sample
    frames = decode(pipeline.vae, latents.flatten(0, 1)).unflatten(0, latents.shape[:2])
    return (frames + 1) / 2


def whole_conditions(
    pipeline: HumanVideoPipeline, clip: PreparedClip, last_B3HW: Tensor, without: Set[str] = frozenset()
) -> tuple[ClipConditions, float]:
    """Conditions with nothing disturbed, those in `without` left out; and the factor of the global feature, 1 or 0."""
    size = pipeline.unet.config.latent_channels, *latent_size(pipeline, clip)
    none = torch.zeros((*clip.frames_BT3HW.shape[:2], *size), device=clip.frames_BT3HW.device)

    def kept(name: str) -> Tensor:
        return torch.full((len(clip),), float(name not in without), device=none.device)

    names = ("pose", "points", "reference", "condition", "warp", "last")
    whole = Draw(torch.zeros(len(clip)).long(), none, none, *map(kept, names))
    given = conditions(pipeline.config.condition, pipeline.vae, clip, last_B3HW, whole)
    return given, float("reference" not in without)


def latent_size(pipeline: HumanVideoPipeline, clip: PreparedClip) -> tuple[int, int]:
    """Height and width of the latents of a clip."""
    factor = 2 ** (len(pipeline.unet.config.encoder_widths) - 1)
    height, width = clip.frames_BT3HW.shape[-2:]
    return height // factor, width // factor


def noise_for(pipeline: HumanVideoPipeline, clip: PreparedClip, generator: torch.Generator) -> Tensor:
    """Standard normal noise (B, T, C, h, w) for a clip."""
    shape = (*clip.frames_BT3HW.shape[:2], pipeline.unet.config.latent_channels, *latent_size(pipeline, clip))
    return torch.randn(shape, generator=generator).to(clip.frames_BT3HW.device)
