"""The pocket generator: the same classes as `full` at a size that a CPU runs and a repository carries."""

from __future__ import annotations

import math
from typing import Any

from diffusers import AutoencoderTiny

from models.generator.conditions import condition_builder
from models.generator.global_features import SmallImageEncoder
from models.generator.pipeline import HumanVideoPipeline
from models.generator.pixel_autoencoder import PixelAutoencoder
from models.generator.schedulers import sampler
from models.generator.unet import HumanVideoUNet

WIDTHS = (32, 64, 128)
ENCODER_WIDTHS = (8, 16, 32, 64)
FEATURE_WIDTH = 64
FEATURE_GRID = 2


def pocket(
    condition: str = "repeat",
    *,
    residual: bool = False,
    autoencoder: Any = None,
    widths: tuple[int, int, int] = WIDTHS,
    reference_network: bool = False,
) -> HumanVideoPipeline:
    """An untrained pocket generator: 3 M parameters with its image encoder, light enough for a CPU.

    condition: name of the condition builder. residual: predict x0 against the condition latents, as the warped
    condition wants it. autoencoder: by default pixels behind a 2 x 2 stem; `small_autoencoder` goes to larger sizes.
    widths: channels per level, multiples of 8; smaller ones for ablations. reference_network: with one, for comparison.
    """
    vae = autoencoder if autoencoder is not None else PixelAutoencoder()
    channels = vae.config.latent_channels
    unet = HumanVideoUNet(
        latent_channels=channels,
        condition_channels=channels + condition_builder(condition).extra_channels,
        encoder_widths=ENCODER_WIDTHS[: halvings(vae) + 1],
        feature_width=FEATURE_WIDTH,
        feature_tokens=FEATURE_GRID**2,
        residual=residual,
        down_block_types=("DownBlockMotion",) * len(widths),
        up_block_types=("UpBlockMotion",) * len(widths),
        block_out_channels=widths,
        layers_per_block=1,
        norm_num_groups=8,
        cross_attention_dim=FEATURE_WIDTH,
        num_attention_heads=4,
        motion_num_attention_heads=4,
        light=True,
        reference_network=reference_network,
    )
    encoder = SmallImageEncoder(grid=FEATURE_GRID, widths=(16, 32, FEATURE_WIDTH))
    return HumanVideoPipeline(unet, vae, encoder, sampler("ddim", residual=residual), condition)


def halvings(vae: Any) -> int:
    """How often an autoencoder halves the size of a picture."""
    if isinstance(vae, PixelAutoencoder):
        return int(math.log2(vae.config.block))
    return len(vae.config.decoder_block_out_channels) - 1


def small_autoencoder(width: int = 32, latent_channels: int = 4) -> AutoencoderTiny:
    """An untrained 8 x autoencoder of diffusers' tiny kind; train it before the U-Net."""
    widths = (width,) * 4
    return AutoencoderTiny(
        encoder_block_out_channels=widths,
        decoder_block_out_channels=widths,
        num_encoder_blocks=(1, 1, 1, 1),
        num_decoder_blocks=(1, 1, 1, 1),
        latent_channels=latent_channels,
    )
