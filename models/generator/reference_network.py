"""The reference network: a second U-Net that shows the reference to the spatial attention of the first.

After AnimateAnyone's ReferenceNet (arXiv 2311.17117); it is not in the paper, and off unless asked for. It reads the
clean latent of the reference at timestep 0, once per video. What goes into each of its spatial self-attentions becomes
keys and values for the same layer of the U-Net.

AnimateAnyone widens the layer's softmax, which changes the output before anything is learnt. Here the reference has a
softmax of its own, with the layer's queries and keys, and its values come from a projection that begins at zero: so
training begins with the network as it was, and the projection wakes as ControlNet's zero convolutions do.

Shape suffixes: B videos, L positions, N D tokens and their width, C channels, h w latent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diffusers.models.attention_processor import Attention
from diffusers.models.controlnets.controlnet import zero_module
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn

from models.generator.attention import split_heads
from models.generator.features import KeysValues
from models.generator.light import lighten_layers
from models.generator.reference_layers import LastStates, LevelAttention, StatesTaken

_LEVELS = "reference_unet.levels"
_SHARED = (
    "block_out_channels",
    "layers_per_block",
    "downsample_padding",
    "mid_block_scale_factor",
    "act_fn",
    "norm_num_groups",
    "norm_eps",
    "cross_attention_dim",
    "transformer_layers_per_block",
    "use_linear_projection",
)
"""Settings of a HumanVideoUNet that its reference network has, too."""


class ReferenceNetwork(nn.Module):
    """Stable Diffusion's U-Net up to its last spatial self-attention; what would come after it is left out.

    config: of the HumanVideoUNet that holds it as `reference_unet`. `places` names the layers of that network that
    take the reference. Where no up level has spatial attention, as in the pocket, the middle takes it and a
    `LevelAttention` before every up level: where MagicAnimate's appearance encoder is heard, too.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        unet = _plain_unet(config)
        self.conv_in, self.time_proj, self.time_embedding = unet.conv_in, unet.time_proj, unet.time_embedding
        self.down_blocks, self.mid_block, self.up_blocks = unet.down_blocks, unet.mid_block, unet.up_blocks
        self.levels = nn.ModuleList()
        last = self._cut() if any(_attends(block) for block in self.up_blocks) else self._add_levels(config)
        widths = self._take_states() | last
        self.places = tuple(widths)
        self.values = nn.ModuleList(zero_module(nn.Linear(width, width, bias=False)) for width in widths.values())

    def _cut(self) -> dict[str, int]:
        """Leave out what comes after the input of the last spatial attention: weights there would never learn."""
        while not _attends(self.up_blocks[-1]):
            del self.up_blocks[-1]
        block: Any = self.up_blocks[-1]
        block.upsamplers = None
        transformer = block.attentions[-1]
        layers, width = transformer.transformer_blocks, int(transformer.transformer_blocks[-1].dim)
        place = (len(self.up_blocks) - 1, len(block.attentions) - 1, len(layers) - 1)
        name = "up_blocks.{}.attentions.{}.transformer_blocks.{}.attn1".format(*place)
        layers[-1] = LastStates(layers[-1], name)
        transformer.proj_out = nn.Identity()
        return {name: width}

    def _add_levels(self, config: Mapping[str, Any]) -> dict[str, int]:
        """Attention before every up level. The last level itself is left out: it would be heard nowhere."""
        del self.up_blocks[-1]
        widths, heads = [*reversed(config["block_out_channels"])], config["num_attention_heads"]
        heads = [heads] * len(widths) if isinstance(heads, int) else [*reversed(heads)]
        into = (0, *range(len(widths) - 1))
        self.levels.extend(LevelAttention(widths[i], heads[i], config["norm_num_groups"]) for i in into)
        return {f"{_LEVELS}.{level}": widths[i] for level, i in enumerate(into)}

    def _take_states(self) -> dict[str, int]:
        modules: list[tuple[str, Any]] = list(self.named_modules())
        attentions = {name: module for name, module in modules if isinstance(module, Attention)}
        for name, attention in attentions.items():
            attention.set_processor(StatesTaken(name))
        return {name: attention.query_dim for name, attention in attentions.items() if not attention.is_cross_attention}

    def begin(self, weights: Mapping[str, Tensor]) -> None:
        """With the weights of Stable Diffusion's U-Net; what that does not have stays as it is."""
        new = ("values.", "levels.")
        self.load_state_dict({n: mine if n.startswith(new) else weights[n] for n, mine in self.state_dict().items()})

    def keys_values(self, unet: nn.Module, latent_BChw: Tensor, tokens_BND: Tensor, kept_B: Tensor) -> KeysValues:
        """A pair for every layer of `unet` that takes the reference. kept: False where there is to be none."""
        taken, pairs = self(latent_BChw, tokens_BND), []
        for place, project in zip(self.places, self.values, strict=True):
            layer: Any = unet.get_submodule(place)
            value = project(taken[place]) * kept_B[:, None, None]
            pairs.append((split_heads(layer.to_k(taken[place]), layer.heads), split_heads(value, layer.heads)))
        return tuple(pairs)

    def forward(self, latent_BChw: Tensor, tokens_BND: Tensor) -> dict[str, Tensor]:
        """States (B, L, C) of the reference by the name of the layer that takes them."""
        taken: dict[str, Tensor] = {}
        context = {"encoder_hidden_states": tokens_BND, "cross_attention_kwargs": {"taken": taken}}
        waves = self.time_proj(latent_BChw.new_zeros(len(latent_BChw))).to(latent_BChw.dtype)
        embedding, hidden = self.time_embedding(waves), self.conv_in(latent_BChw)
        skips: tuple[Tensor, ...] = (hidden,)
        for block in self.down_blocks:
            hidden, kept = block(hidden, embedding, **(context if _attends(block) else {}))
            skips += kept
        hidden = self.mid_block(hidden, embedding, **context)
        into_levels = [hidden]
        for block in self.up_blocks:
            count = len(block.resnets)
            skips, kept = skips[:-count], skips[-count:]
            hidden = block(hidden, kept, embedding, **(context if _attends(block) else {}))
            into_levels.append(hidden)
        layers: Any = self.levels
        return taken | {f"{_LEVELS}.{i}": layer.states(into_levels[i]) for i, layer in enumerate(layers)}


def _plain_unet(config: Mapping[str, Any]) -> UNet2DConditionModel:
    """The network of that configuration without motion, conditions and output."""
    unet = UNet2DConditionModel(
        **{name: config[name] for name in _SHARED},
        in_channels=config["latent_channels"],
        down_block_types=tuple(name.replace("Motion", "2D") for name in config["down_block_types"]),
        up_block_types=tuple(name.replace("Motion", "2D") for name in config["up_block_types"]),
        attention_head_dim=config["num_attention_heads"],  # what diffusers calls the number of heads here
    )
    if config["light"]:
        lighten_layers(unet)
    return unet


def _attends(block: nn.Module) -> bool:
    return bool(getattr(block, "has_cross_attention", False))
