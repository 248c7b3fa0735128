"""Pixels behind a thin stem: the autoencoder of a pocket model that works on pixels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTinyOutput
from diffusers.models.autoencoders.vae import DecoderOutput
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor


class PixelAutoencoder(ModelMixin, ConfigMixin):
    """Moves blocks of pixels into channels and back, exactly; the same calls as diffusers' AutoencoderTiny."""

    @register_to_config
    def __init__(self, block: int = 2, latent_channels: int = 12, scaling_factor: float = 1.0) -> None:
        super().__init__()
        if latent_channels != 3 * block**2:
            raise ValueError(f"blocks of {block} x {block} RGB pixels have {3 * block**2} channels")
        # A model without any tensor has no dtype to convert to and no file to save.
        self.register_buffer("scale", torch.ones(1))

    def encode(self, pixels_B3HW: Tensor) -> AutoencoderTinyOutput:
        """(B, 3, H, W) in -1..1 to (B, 3 * block², H / block, W / block)."""
        return AutoencoderTinyOutput(latents=F.pixel_unshuffle(pixels_B3HW, self.config.block))

    def decode(self, latents_BChw: Tensor) -> DecoderOutput:
        """The inverse of `encode`."""
        return DecoderOutput(sample=F.pixel_shuffle(latents_BChw, self.config.block))
