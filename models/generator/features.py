"""What the network is given besides the noise, before and after the work that a clip needs only once.

Shape suffixes: B batch, T frames, C latent channels, K condition channels, D first width, H W pixels, h w latent.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

KeysValues = tuple[tuple[Tensor, Tensor], ...]
"""Keys and values (B, heads, N, width) of a reference: of the global tokens, one pair per cross-attention in network
order, then of the reference network's states where there is one, a pair per place that takes them."""


class ClipConditions(NamedTuple):
    """Conditions of a clip as they come. A raster that is black everywhere means: not driven.

    condition_BTKhw: condition latents, then extra channels such as validity. pose, points: (B, T, 3, H, W) in 0..1.
    """

    condition_BTKhw: Tensor
    pose_BT3HW: Tensor
    points_BT3HW: Tensor


class ClipFeature(NamedTuple):
    """Conditions of a clip as the network adds them, computed once per clip.

    feature_BTDhw: condition half of conv_in + foreground + background. base_BTChw: the condition latents themselves,
    which a residual network predicts against.
    """

    feature_BTDhw: Tensor
    base_BTChw: Tensor
