"""Pixels to latents and back, whichever autoencoder stands between.

Shape suffixes: N pictures, C channels, H W pixels, h w latent.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

PICTURES_AT_ONCE = 8
"""Bounds the memory of an autoencoder that is not sliced; a picture is coded the same alone or among others."""


def encode(vae: Any, pixels_N3HW: Tensor) -> Tensor:
    """Pixels in -1..1 to scaled latents (N, C, h, w) in float32: the mode where the encoder gives a distribution."""
    parts = [_encode(vae, part) for part in pixels_N3HW.to(vae.dtype).split(_at_once(vae))]
    return torch.cat(parts).float() * vae.config.scaling_factor


def decode(vae: Any, latents_NChw: Tensor) -> Tensor:
    """Scaled latents to pixels in -1..1, (N, 3, H, W) in float32."""
    unscaled = (latents_NChw / vae.config.scaling_factor).to(vae.dtype)
    return torch.cat([vae.decode(part).sample for part in unscaled.split(_at_once(vae))]).float().clamp(-1, 1)


def _at_once(vae: Any) -> int:
    return 1 if getattr(vae, "use_slicing", False) else PICTURES_AT_ONCE


def _encode(vae: Any, pixels_N3HW: Tensor) -> Tensor:
    encoded = vae.encode(pixels_N3HW)
    latents: Tensor = encoded.latents if hasattr(encoded, "latents") else encoded.latent_dist.mode()
    return latents
