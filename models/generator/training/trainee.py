"""The modules that learn, with one forward for all of them: from a prepared clip to errors.

Shape suffixes: B batch, T frames, C latent channels, K condition channels, H W pixels, h w latent.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from models.generator.conditions import condition_builder
from models.generator.features import ClipConditions
from models.generator.global_features import global_feature
from models.generator.latents import encode
from models.generator.pipeline import HumanVideoPipeline
from models.generator.training.draws import Draw, over_clip
from models.generator.training.prepared import PreparedClip
from models.generator.warp.condition import VALIDITY_CHANNELS, condition_masks


class Trainee(nn.Module):
    """U-Net and image encoder as one module, as data-parallel wrappers want it."""

    def __init__(self, pipeline: HumanVideoPipeline) -> None:
        super().__init__()
        self.unet, self.image_encoder = pipeline.unet, pipeline.image_encoder

    def forward(
        self,
        noisy_BTChw: Tensor,
        timestep_B: Tensor,
        other_B3HW: Tensor,
        kept_B: Tensor,
        clip: ClipConditions,
        other_BChw: Tensor | None = None,
    ) -> Tensor:
        """The U-Net's prediction (B, T, C, h, w). other: picture of the global feature in -1..1; kept: 0 or 1.

        other_BChw: `reference_latents`.
        """
        feature = global_feature(self.image_encoder, other_B3HW) * kept_B.view(-1, 1, 1)
        prediction: Tensor = self.unet(noisy_BTChw, timestep_B, feature, clip, other_BChw)
        return prediction


def latents_of(vae: Any, frames_BT3HW: Tensor) -> Tensor:
    """(B, T, C, h, w) of pixels in 0..1."""
    with torch.no_grad():
        return encode(vae, frames_BT3HW.flatten(0, 1) * 2 - 1).unflatten(0, frames_BT3HW.shape[:2])


def reference_latents(vae: Any, clip: PreparedClip, *, reference_network: bool) -> Tensor | None:
    """Latents (B, C, h, w) of the pictures of the global feature; None where no reference network asks for them."""
    return latents_of(vae, clip.other_B3HW[:, None])[:, 0] if reference_network else None


def condition_channels(name: str, vae: Any, clip: PreparedClip, last_B3HW: Tensor, draw: Draw) -> Tensor:
    """(B, T, K, h, w) as the builder of that name makes it, with noise on its latents; zeros where not kept.

    last: the last frame of the clip before, 0..1; without the warp it stands in the place of every warped frame,
    and where it is not kept, the first of those in its place.
    """
    frames, noise = clip.frames_BT3HW.shape[1], draw.condition_noise_BTChw
    last = latents_of(vae, last_B3HW[:, None])
    if name == "repeat":
        channels = last.expand(-1, frames, -1, -1, -1) + noise
    else:
        kept = over_clip(draw.warp_kept_B)
        warped = latents_of(vae, clip.warped_BT3HW).lerp(last, 1 - kept) + noise
        masks = condition_masks(clip.valid_BT1HW, clip.alpha_BT1HW, warped.shape[-2:]) * kept
        parts = [warped, masks]
        if condition_builder(name).extra_channels > VALIDITY_CHANNELS:
            shown = (last + noise[:, :1]).lerp(warped[:, :1], 1 - over_clip(draw.last_kept_B))
            parts.append(shown.expand_as(warped))
        channels = torch.cat(parts, 2)
    return channels * over_clip(draw.condition_kept_B)


def conditions(name: str, vae: Any, clip: PreparedClip, last_B3HW: Tensor, draw: Draw) -> ClipConditions:
    """What the U-Net sees beside the noise."""
    channels = condition_channels(name, vae, clip, last_B3HW, draw)
    pose = clip.pose_BT3HW * over_clip(draw.pose_kept_B)
    return ClipConditions(channels, pose, clip.points_BT3HW * over_clip(draw.points_kept_B))
