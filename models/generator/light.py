"""A U-Net made light enough to be trained on a CPU."""

from __future__ import annotations

from typing import Any

from diffusers.models.attention import BasicTransformerBlock, FeedForward
from diffusers.models.upsampling import Upsample2D
from torch import Tensor, nn


class NoMotion(nn.Module):
    """Stands where a motion block was left out."""

    def forward(self, hidden_states: Tensor, **_: Any) -> Tensor:
        """The same."""
        return hidden_states


def lighten(unet: Any) -> None:
    """Leave out, in place, what costs a CPU more than it brings.

    No motion block at the level of the latents; one at the end of every other level, where Stable Diffusion's layout
    has one per layer. Feed-forwards as wide as their input, not four times; upsampling without a convolution.
    """
    count = len(unet.down_blocks)
    levels = [*enumerate(unet.down_blocks), *((count - 1 - i, block) for i, block in enumerate(unet.up_blocks))]
    for level, block in levels:
        layers = len(block.motion_modules)
        for layer in range(layers if level == 0 else layers - 1):
            block.motion_modules[layer] = NoMotion()
    lighten_layers(unet)


def lighten_layers(unet: Any) -> None:
    """The economies of `lighten` that do not concern motion."""
    for module in unet.modules():
        if isinstance(module, Upsample2D):
            _leave_out_convolution(module)
        if isinstance(module, BasicTransformerBlock):
            module.ff = FeedForward(module.dim, mult=1, activation_fn=module.activation_fn)


def leave_out_motion(unet: Any) -> None:
    """Skip the motion blocks, in place, while single frames are trained; their weights stay and do not learn."""
    for block in (*unet.down_blocks, *unet.up_blocks):
        for module in block.motion_modules:
            module.requires_grad_(False)
            module.forward = _same


def _same(hidden_states: Tensor, **_: Any) -> Tensor:
    return hidden_states


def _leave_out_convolution(upsampler: Upsample2D) -> None:
    upsampler.use_conv = False
    upsampler.conv = None
