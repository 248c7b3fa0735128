"""The full generator, begun from Stable Diffusion 1.5 or image variations, AnimateDiff and CLIP.

What Stable Diffusion does not have begins at zero, so that before training every frame comes out as from Stable
Diffusion (of the empty prompt, or of the reference image for image variations), moved by AnimateDiff where given.
"""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderKL, MotionAdapter, UNet2DConditionModel
from diffusers.models.unets.unet_motion_model import UNetMotionModel
from torch import Tensor, nn

from models.generator.conditions import condition_builder
from models.generator.loading import load_component
from models.generator.pipeline import HumanVideoPipeline
from models.generator.schedulers import sampler
from models.generator.unet import HumanVideoUNet
from schemas.errors import WeightsError

KEPT = (
    "block_out_channels",
    "layers_per_block",
    "downsample_padding",
    "mid_block_scale_factor",
    "act_fn",
    "norm_num_groups",
    "norm_eps",
    "cross_attention_dim",
    "transformer_layers_per_block",
    "temporal_transformer_layers_per_block",
    "use_linear_projection",
    "num_attention_heads",
    "motion_max_seq_length",
    "motion_num_attention_heads",
    "down_block_types",
    "up_block_types",
    "sample_size",
)

NEW = ("foreground_encoder.", "background_encoder.", "global_tokens.", "reference_unet.")


def from_stable_diffusion(
    base: str | Path,
    image_encoder: str | Path | None = None,
    motion: str | Path | None = None,
    vae: str | Path | None = None,
    *,
    condition: str = "repeat",
    residual: bool = False,
    reference_network: bool = False,
    dtype: torch.dtype = torch.float32,
) -> HumanVideoPipeline:
    """An untrained full generator. Sources are local folders or hub repositories.

    base: `unet`, `vae` and either `text_encoder` (Stable Diffusion) or `image_encoder` (image variations).
    image_encoder: CLIP, needed with Stable Diffusion. motion: an AnimateDiff adapter. vae: in the place of base's.
    reference_network: with one, which begins with the weights of base's U-Net, too.
    Raises WeightsError for what is missing, has the wrong shape or is a pickle.
    """
    from transformers import CLIPVisionModelWithProjection

    unet2d = load_component(UNet2DConditionModel, base, "unet", dtype)
    adapter = None if motion is None else load_component(MotionAdapter, motion, None, dtype)
    vae_source, vae_subfolder = (base, "vae") if vae is None else (vae, None)
    autoencoder = load_component(AutoencoderKL, vae_source, vae_subfolder, dtype)
    if image_encoder is None:
        clip = load_component(CLIPVisionModelWithProjection, base, "image_encoder", dtype)
        tokens = None
    else:
        clip = load_component(CLIPVisionModelWithProjection, image_encoder, None, dtype)
        tokens = empty_prompt(base, dtype)
    extra = condition_builder(condition).extra_channels
    unet = unet_from_sd(
        unet2d,
        adapter,
        tokens,
        clip.config.projection_dim,
        extra_channels=extra,
        residual=residual,
        reference_network=reference_network,
    )
    return HumanVideoPipeline(unet, autoencoder, clip, sampler("ddim", residual=residual), condition)


def unet_from_sd(
    unet2d: UNet2DConditionModel,
    adapter: MotionAdapter | None,
    tokens_ND: Tensor | None,
    feature_width: int,
    *,
    extra_channels: int = 0,
    residual: bool = False,
    reference_network: bool = False,
) -> HumanVideoUNet:
    """The U-Net with Stable Diffusion's and AnimateDiff's weights; a motion block in the middle is left out.

    tokens_ND: what the text U-Net takes for no prompt; None for image variations, whose token is the embedding itself.
    """
    try:
        plain = UNetMotionModel.from_unet2d(unet2d, adapter)
    except (ValueError, RuntimeError) as error:
        raise WeightsError(f"the motion adapter does not fit the U-Net: {error}") from error
    channels = unet2d.config.in_channels
    unet = HumanVideoUNet(
        **{name: plain.config[name] for name in KEPT},
        latent_channels=channels,
        condition_channels=channels + extra_channels,
        feature_width=feature_width,
        feature_tokens=1 if tokens_ND is None else len(tokens_ND),
        residual=residual,
        reference_network=reference_network,
    )
    _copy(unet, plain.state_dict(), motion=adapter is not None)
    _begin_tokens(unet, tokens_ND)
    return unet.to(unet2d.dtype).eval()


def empty_prompt(base: str | Path, dtype: torch.dtype) -> Tensor:
    """Token states (N, D) that Stable Diffusion takes for an empty prompt: start of text, then ends of text."""
    from transformers import CLIPTextModel

    encoder = load_component(CLIPTextModel, base, "text_encoder", dtype)
    vocabulary, length = encoder.config.vocab_size, encoder.config.max_position_embeddings
    ids = torch.tensor([[vocabulary - 2] + [vocabulary - 1] * (length - 1)])
    with torch.no_grad():
        states: Tensor = encoder(ids).last_hidden_state[0]
    return states


@torch.no_grad()
def _copy(unet: HumanVideoUNet, weights: dict[str, Tensor], *, motion: bool) -> None:
    first = torch.zeros_like(unet.conv_in.weight)
    first[:, : unet.config.latent_channels] = weights["conv_in.weight"]
    weights = {name: tensor for name, tensor in weights.items() if not name.startswith("mid_block.motion_modules.")}
    report = unet.load_state_dict(weights | {"conv_in.weight": first}, strict=False)
    missing = [name for name in report.missing_keys if not name.startswith(NEW)]
    if missing or report.unexpected_keys:
        odd = (missing + report.unexpected_keys)[0]
        raise WeightsError(f"the U-Net is not of Stable Diffusion 1.5's kind: {odd} has no place in the generator")
    if unet.reference_unet is not None:
        unet.reference_unet.begin(weights)
    if not motion:
        unet.silence_motion()
    if unet.config.residual:
        unet.silence_output()


@torch.no_grad()
def _begin_tokens(unet: HumanVideoUNet, tokens_ND: Tensor | None) -> None:
    base, projection = unet.global_tokens.base, unet.global_tokens.projection.weight
    if tokens_ND is not None:
        if tokens_ND.shape != base.shape:
            raise WeightsError(f"text tokens are {tokens_ND.shape[1]} wide, the U-Net takes {base.shape[1]}")
        base.copy_(tokens_ND)
        projection.zero_()
        return
    if projection.shape[0] != projection.shape[1]:
        raise WeightsError(f"image embeddings are {projection.shape[1]} wide, the U-Net takes {projection.shape[0]}")
    base.zero_()
    nn.init.eye_(projection)
