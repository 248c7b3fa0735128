"""The global feature: the reference image as tokens for cross-attention, the same in every clip of a video.

Shape suffixes: B batch, N rows, E feature width, D token width, H W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass
class ImageEncoding:
    """What an image encoder gives; named as CLIP's output is. image_embeds: (B, E) or (B, N, E)."""

    image_embeds: Tensor


class SmallImageEncoder(ModelMixin, ConfigMixin):
    """Four convolutions to a grid of tokens: stands where CLIP stands in the pocket model, and is trained with it."""

    @register_to_config
    def __init__(self, image_size: int = 64, grid: int = 2, widths: tuple[int, ...] = (32, 64, 128)) -> None:
        super().__init__()
        first, second, third = widths
        self.layers = nn.Sequential(
            nn.Conv2d(3, first, 4, stride=4),
            nn.SiLU(),
            nn.Conv2d(first, second, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(second, third, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.AdaptiveAvgPool2d(grid),
            nn.Conv2d(third, third, 1),
        )

    def forward(self, pixel_values: Tensor) -> ImageEncoding:
        """Pictures (B, 3, size, size), normalised as for CLIP, to tokens (B, grid * grid, E)."""
        return ImageEncoding(self.layers(pixel_values).flatten(2).transpose(1, 2))


class GlobalTokens(nn.Module):
    """Tokens = a learned base + a projection of the feature; a feature of zeros gives the base: no reference.

    The base is what the frozen network was trained to see (the empty prompt), so a zero projection changes nothing.
    """

    def __init__(self, feature_width: int, token_width: int, tokens: int) -> None:
        super().__init__()
        self.base = nn.Parameter(torch.randn(tokens, token_width) * 0.02)
        self.projection = nn.Linear(feature_width, token_width, bias=False)

    def forward(self, feature_BNE: Tensor) -> Tensor:
        """(B, N, D). A feature of one row is added to every token."""
        return self.base + self.projection(feature_BNE)


def image_pixels(pixels_B3HW: Tensor, size: int) -> Tensor:
    """Whole pictures in -1..1 as an image encoder takes them: (B, 3, size, size), CLIP's normalisation."""
    small = F.interpolate(pixels_B3HW.float(), (size, size), mode="bicubic", antialias=True, align_corners=False)
    mean, std = (torch.tensor(c, device=small.device).view(3, 1, 1) for c in (CLIP_MEAN, CLIP_STD))
    return ((small.clamp(-1, 1) + 1) / 2 - mean) / std


def global_feature(encoder: Any, pixels_B3HW: Tensor) -> Tensor:
    """Feature rows (B, N, E) of pictures in -1..1; one row for CLIP's image embedding.

    encoder: transformers' CLIPVisionModelWithProjection, or a SmallImageEncoder.
    """
    pixel_values = image_pixels(pixels_B3HW, encoder.config.image_size).to(encoder.dtype)
    embeds: Tensor = encoder(pixel_values).image_embeds
    return embeds[:, None] if embeds.ndim == 2 else embeds
