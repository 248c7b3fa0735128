"""The paper's U-Net: Stable Diffusion's, a motion block after every down and up level, conditions after conv_in.

Shape suffixes: B batch, T frames, C latent channels, K condition channels, D first width, N E feature rows and width,
H W pixels, h w latent.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import register_to_config
from diffusers.models.attention_processor import Attention
from diffusers.models.controlnets.controlnet import zero_module
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.unets.unet_motion_model import UNetMotionModel
from torch import Tensor

from models.generator.attention import MAX_ROWS, GeneratorAttention, keys_values
from models.generator.encoders import MotionEncoder
from models.generator.features import ClipConditions, ClipFeature, KeysValues
from models.generator.global_features import GlobalTokens
from models.generator.light import NoMotion, lighten
from models.generator.reference_network import ReferenceNetwork
from schemas.errors import GenerationError

__all__ = ["HumanVideoUNet", "ModelMixin"]  # diffusers looks for ModelMixin beside the class when it loads a pipeline


class HumanVideoUNet(UNetMotionModel):
    """Denoises a clip from its noise and its conditions; holds both motion encoders and the token projection.

    conv_in is linear, so its noise half runs per step and its condition half, with both encoders, once per clip:
    `clip_feature`. Keys and values of the global tokens are computed once per video: `video_keys_values`.

    latent_channels: C. condition_channels: K >= C; the first C are condition latents, the rest validity and the like.
    encoder_widths: channels per level of both encoders, one level more than the halvings from pixel to latent.
    feature_width, feature_tokens: of the global feature. residual: predict x0 as the condition latents plus the
    output, instead of leaving the output's meaning to the scheduler. light: the economies of `lighten`.
    reference_network: a second U-Net shows the reference to the spatial attention.
    """

    _no_split_modules = None

    @register_to_config
    def __init__(
        self,
        sample_size: int | None = None,
        latent_channels: int = 4,
        condition_channels: int = 4,
        encoder_widths: tuple[int, ...] = (16, 32, 96, 256),
        feature_width: int = 768,
        feature_tokens: int = 77,
        residual: bool = False,
        down_block_types: tuple[str, ...] = (*("CrossAttnDownBlockMotion",) * 3, "DownBlockMotion"),
        up_block_types: tuple[str, ...] = ("UpBlockMotion", *("CrossAttnUpBlockMotion",) * 3),
        block_out_channels: tuple[int, ...] = (320, 640, 1280, 1280),
        layers_per_block: int | tuple[int, ...] = 2,
        downsample_padding: int = 1,
        mid_block_scale_factor: float = 1,
        act_fn: str = "silu",
        norm_num_groups: int = 32,
        norm_eps: float = 1e-5,
        cross_attention_dim: int = 768,
        transformer_layers_per_block: int | tuple[int, ...] = 1,
        temporal_transformer_layers_per_block: int | tuple[int, ...] = 1,
        use_linear_projection: bool = False,
        num_attention_heads: int | tuple[int, ...] = 8,
        motion_max_seq_length: int = 32,
        motion_num_attention_heads: int | tuple[int, ...] = 8,
        light: bool = False,
        reference_network: bool = False,
    ) -> None:
        # The undecorated constructor: the decorated one would write the parent's settings into our saved config too.
        UNetMotionModel.__init__.__wrapped__(
            self,
            sample_size=sample_size,
            in_channels=latent_channels + condition_channels,
            out_channels=latent_channels,
            down_block_types=tuple(down_block_types),
            up_block_types=tuple(up_block_types),
            block_out_channels=tuple(block_out_channels),
            layers_per_block=layers_per_block,
            downsample_padding=downsample_padding,
            mid_block_scale_factor=mid_block_scale_factor,
            act_fn=act_fn,
            norm_num_groups=norm_num_groups,
            norm_eps=norm_eps,
            cross_attention_dim=cross_attention_dim,
            transformer_layers_per_block=transformer_layers_per_block,
            temporal_transformer_layers_per_block=temporal_transformer_layers_per_block,
            use_linear_projection=use_linear_projection,
            num_attention_heads=num_attention_heads,
            motion_max_seq_length=motion_max_seq_length,
            motion_num_attention_heads=motion_num_attention_heads,
            use_motion_mid_block=False,
        )
        if light:
            lighten(self)
        self.foreground_encoder = MotionEncoder(block_out_channels[0], encoder_widths)
        self.background_encoder = MotionEncoder(block_out_channels[0], encoder_widths)
        self.global_tokens = GlobalTokens(feature_width, cross_attention_dim, feature_tokens)
        # Last, so that all other weights begin as they would without it.
        self.reference_unet = ReferenceNetwork(self.config) if reference_network else None
        self._set_processors()
        self.silence_motion()
        if residual:
            self.silence_output()

    def silence_motion(self) -> None:
        """Motion blocks as the identity, which they begin as: every frame by itself."""
        for block in (*self.down_blocks, *self.up_blocks):
            for module in block.motion_modules:
                if not isinstance(module, NoMotion):
                    zero_module(module.proj_out)

    def silence_output(self) -> None:
        """No output: a residual network begins as its condition."""
        zero_module(self.conv_out)

    def _set_processors(self) -> None:
        """Every attention finds its pair of keys and values by its index: first come the tokens', then the states'."""
        given = [name for name, _ in self._cross_attentions()]
        given += self.reference_unet.places if self.reference_unet is not None else ()
        for name, module in self._attentions():
            module.set_processor(GeneratorAttention(given.index(name) if name in given else None))

    def _cross_attentions(self) -> list[tuple[str, Attention]]:
        return [(name, module) for name, module in self._attentions() if module.is_cross_attention]

    def _attentions(self) -> list[tuple[str, Attention]]:
        """Those of this network; the reference network sees to its own."""
        found = ((name, module) for name, module in self.named_modules() if isinstance(module, Attention))
        return [(name, module) for name, module in found if not name.startswith("reference_unet.")]

    @property
    def size_multiple(self) -> int:
        """Height and width of a picture must be multiples of this many pixels."""
        halvings = len(self.config.encoder_widths) - 1 + len(self.config.block_out_channels) - 1
        return int(2**halvings)

    def set_attention_slice(self, slice_size: str | int | None) -> None:
        """Rows of attention computed at once; "auto" 4,096, "max" (slowest) 1, None no slicing below CUDA's bound."""
        named: dict[str | int | None, str | int | None] = {"auto": 4096, "max": 1, None: MAX_ROWS}
        rows = named.get(slice_size, slice_size)
        for processor in self.attn_processors.values():
            processor.rows = rows

    def video_keys_values(self, feature_BNE: Tensor, reference_BChw: Tensor | None = None) -> KeysValues:
        """Keys and values of a reference. A feature of zeros stands for: no reference.

        reference_BChw: its clean latent, for a reference network; others don't look at it. Raises GenerationError where
        a reference network is not given it.
        """
        tokens = self.token_keys_values(feature_BNE)
        if self.reference_unet is None:
            return tokens
        if reference_BChw is None:
            raise GenerationError("this model has a reference network: give the latent of the reference, too")
        kept_B = feature_BNE.flatten(1).any(1)
        return tokens + self.reference_unet.keys_values(
            self, reference_BChw.to(self.dtype), self.global_tokens(feature_BNE), kept_B
        )

    def token_keys_values(self, feature_BNE: Tensor) -> KeysValues:
        """Those of the global tokens alone, for every cross-attention."""
        tokens_BND = self.global_tokens(feature_BNE)
        return tuple(keys_values(attention, tokens_BND) for _, attention in self._cross_attentions())

    def condition_half(self, condition_BTKhw: Tensor) -> Tensor:
        """The part of conv_in that doesn't depend on the noise: (B, T, D, h, w)."""
        weight = self.conv_in.weight[:, self.config.latent_channels :]
        half = F.conv2d(condition_BTKhw.flatten(0, 1), weight, padding=1)
        return half.unflatten(0, condition_BTKhw.shape[:2])

    def clip_feature(self, clip: ClipConditions) -> ClipFeature:
        """All that a clip's conditions add after conv_in, computed once for all its steps."""
        feature = self.condition_half(clip.condition_BTKhw)
        feature = feature + self.foreground_encoder(clip.pose_BT3HW) + self.background_encoder(clip.points_BT3HW)
        return ClipFeature(feature, clip.condition_BTKhw[:, :, : self.config.latent_channels])

    def forward(
        self,
        sample_BTChw: Tensor,
        timestep_B: Tensor,
        reference: Tensor | KeysValues,
        clip: ClipConditions | ClipFeature,
        reference_BChw: Tensor | None = None,
    ) -> Tensor:
        """Prediction (B, T, C, h, w) for noisy latents; what it predicts is the scheduler's word, or x0 if `residual`.

        reference: global feature (B, N, E), or `video_keys_values`. timestep_B: scalar or (B,). reference_BChw: its
        latent, where the reference is given as a feature and there is a reference network.
        Training passes raw conditions, so that all weights take part in one forward; rendering passes cached ones.
        """
        if isinstance(clip, ClipConditions):
            clip = self.clip_feature(clip)
        tokens = self._tokens(reference, reference_BChw)
        batch, frames = sample_BTChw.shape[:2]
        weight = self.conv_in.weight[:, : self.config.latent_channels]
        noise_half = F.conv2d(sample_BTChw.flatten(0, 1), weight, self.conv_in.bias, padding=1)
        hidden = noise_half + clip.feature_BTDhw.flatten(0, 1)
        hidden = self._levels(hidden, self._time_embedding(timestep_B, batch, frames), tokens, frames)
        output = self.conv_out(self.conv_act(self.conv_norm_out(hidden))).unflatten(0, (batch, frames))
        return clip.base_BTChw + output if self.config.residual else output

    def _tokens(self, reference: Tensor | KeysValues, reference_BChw: Tensor | None) -> Tensor | KeysValues:
        if not isinstance(reference, Tensor):
            return reference
        if self.reference_unet is None:
            return self.global_tokens(reference)
        return self.video_keys_values(reference, reference_BChw)

    def _time_embedding(self, timestep_B: Tensor, batch: int, frames: int) -> Tensor:
        waves = self.time_proj(timestep_B.expand(batch)).to(self.conv_in.weight.dtype)
        return self.time_embedding(waves).repeat_interleave(frames, dim=0)

    def _levels(self, hidden: Tensor, embedding: Tensor, tokens: Tensor | KeysValues, frames: int) -> Tensor:
        common: dict[str, Any] = {"temb": embedding, "num_frames": frames}
        skips: tuple[Tensor, ...] = (hidden,)
        for block in self.down_blocks:
            hidden, kept = block(hidden_states=hidden, **common, **self._given(block, tokens))
            skips += kept
        hidden = self.mid_block(hidden, embedding, **self._given(self.mid_block, tokens))
        for level, block in enumerate(self.up_blocks):
            hidden = self._shown(level, hidden, tokens)
            count = len(block.resnets)
            skips, kept = skips[:-count], skips[-count:]
            hidden = block(hidden_states=hidden, res_hidden_states_tuple=kept, **common, **self._given(block, tokens))
        return hidden

    def _given(self, block: torch.nn.Module, tokens: Tensor | KeysValues) -> dict[str, Any]:
        if not getattr(block, "has_cross_attention", False):
            return {}
        if self.reference_unet is None:
            return {"encoder_hidden_states": tokens}
        return {"encoder_hidden_states": tokens, "cross_attention_kwargs": {"reference": tokens}}

    def _shown(self, level: int, hidden: Tensor, tokens: Tensor | KeysValues) -> Tensor:
        """With the reference, where the level below has no spatial attention to show it to."""
        if self.reference_unet is None or not self.reference_unet.levels:
            return hidden
        layers = self.reference_unet.levels
        key, value = tokens[level - len(layers)]
        shown: Tensor = layers[level](hidden, key, value)
        return shown
