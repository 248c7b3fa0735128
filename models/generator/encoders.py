"""The foreground and the background encoder: rasters to features that are added after conv_in (paper, figure 1)."""

from __future__ import annotations

from diffusers.models.controlnets.controlnet import ControlNetConditioningEmbedding
from torch import Tensor


class MotionEncoder(ControlNetConditioningEmbedding):
    """Skeletons or points (B, T, 3, H, W) in 0..1 to features (B, T, D, h, w); zero until trained.

    widths: channels per level; every level after the first halves the size, so there are log2(H / h) + 1 of them.
    """

    def __init__(self, feature_channels: int, widths: tuple[int, ...]) -> None:
        super().__init__(feature_channels, conditioning_channels=3, block_out_channels=tuple(widths))

    def forward(self, raster_BT3HW: Tensor) -> Tensor:
        """Each frame on its own."""
        return super().forward(raster_BT3HW.flatten(0, 1)).unflatten(0, raster_BT3HW.shape[:2])
