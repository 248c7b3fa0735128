"""The caches of the design: keys and values once per video, the condition sum once per clip, for all guidance branches.

Shape suffixes: G branches, B videos, T frames, K condition channels, D first width, H W pixels, h w latent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.generator.conditions import ClipInputs
from models.generator.features import ClipFeature, KeysValues
from models.generator.guidance import Branch
from models.generator.state import ClipState
from models.generator.unet import HumanVideoUNet


@dataclass(frozen=True, slots=True)
class VideoCache:
    """Of one video: keys and values with its reference and without, each with a batch of one."""

    with_reference: KeysValues
    without_reference: KeysValues

    @classmethod
    def of(cls, unet: HumanVideoUNet, state: ClipState) -> VideoCache:
        """Computed once, when a video begins or goes on."""
        feature = state.global_feature_NE[None].to(unet.device, unet.dtype)
        known = unet.video_keys_values(feature, state.reference_latent_Chw[None].to(unet.device, unet.dtype))
        unknown = unet.token_keys_values(torch.zeros_like(feature))
        # What is left is the reference network's, which says nothing where its values are zero.
        unknown += tuple((key, torch.zeros_like(value)) for key, value in known[len(unknown) :])
        return cls(known, unknown)


def branch_keys_values(caches: Sequence[VideoCache], branches: Sequence[Branch]) -> KeysValues:
    """Keys and values (G * B, heads, N, width), branch by branch."""
    rows = [
        cache.without_reference if branch is Branch.EVERYTHING else cache.with_reference
        for branch in branches
        for cache in caches
    ]
    return tuple(
        (torch.cat([key for key, _ in layer]), torch.cat([value for _, value in layer]))
        for layer in zip(*rows, strict=True)
    )


def branch_clip_feature(
    unet: HumanVideoUNet, condition_BTKhw: Tensor, clips: Sequence[ClipInputs], branches: Sequence[Branch]
) -> ClipFeature:
    """The condition sum (G * B, T, D, h, w), branch by branch; every encoder runs once, however many branches."""
    condition_BTKhw = condition_BTKhw.to(unet.device, unet.dtype)
    half = unet.condition_half(condition_BTKhw)
    frames, size = condition_BTKhw.shape[1], raster_size(clips)
    black = condition_BTKhw.new_zeros(1, 1, 3, *size)
    figure = unet.foreground_encoder(stack_rasters([clip.pose_T3HW for clip in clips], frames, black))
    ground = unet.background_encoder(stack_rasters([clip.points_T3HW for clip in clips], frames, black))
    no_figure, no_ground = unet.foreground_encoder(black), unet.background_encoder(black)
    sums = {
        Branch.NOTHING: lambda: half + figure + ground,
        Branch.EVERYTHING: lambda: (no_figure + no_ground).expand_as(half),
        Branch.POSE: lambda: half + no_figure + ground,
        Branch.POINTS: lambda: half + figure + no_ground,
    }
    base = condition_BTKhw[:, :, : unet.config.latent_channels]
    bases = [torch.zeros_like(base) if branch is Branch.EVERYTHING else base for branch in branches]
    return ClipFeature(torch.cat([sums[branch]() for branch in branches]), torch.cat(bases))


def raster_size(clips: Sequence[ClipInputs]) -> tuple[int, int]:
    """Height and width of the rasters."""
    rasters = [raster for clip in clips for raster in (clip.pose_T3HW, clip.points_T3HW) if raster is not None]
    height, width = rasters[0].shape[-2:]
    return height, width


def stack_rasters(rasters: Sequence[Tensor | None], frames: int, black: Tensor) -> Tensor:
    """(B, T, 3, H, W) in the type and place of `black`, which stands in for an undriven figure or ground."""
    return torch.stack(
        [black[0].expand(frames, -1, -1, -1) if raster is None else raster.to(black) for raster in rasters]
    )
