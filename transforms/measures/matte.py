"""Where a renderer shows the figure: its matte, told by what light in the surroundings does not reach.

Triangulation matting (Smith and Blinn, Blue Screen Matting, SIGGRAPH 1996): one figure is rendered before the same
ground twice, the second time brighter by a known amount. As much of a pixel as does not follow is the figure. That
holds for a generator as for a compositor, wherever it puts the ground, and needs no look at what the figure is like.
Shape suffixes: B videos, T frames, H rows, W columns. Pixels are 0..1.
Import only where torch is installed.
"""

from __future__ import annotations

import torch
from torch import Tensor


def figure_matte(dark_BT3HW: Tensor, bright_BT3HW: Tensor, light_BT3: Tensor) -> Tensor:
    """(B, T, 1, H, W) the figure's share of each pixel, 1 in the figure and 0 in the ground, noise aside.

    light: by how much the ground is brighter in the second, per colour channel.
    """
    followed = (bright_BT3HW - dark_BT3HW) / light_BT3[..., None, None]
    return 1 - followed.mean(2, keepdim=True)


def matte_iou(matte_BT1HW: Tensor, mask_BT1HW: Tensor) -> Tensor:
    """(B, T) IoU of where a matte is above a half with a mask; NaN where the mask is empty."""
    made, true = matte_BT1HW > 0.5, mask_BT1HW > 0.5
    both, either = ((made & true).sum((2, 3, 4)), (made | true).sum((2, 3, 4)))
    return torch.where(true.sum((2, 3, 4)) > 0, both / either.clamp_min(1), torch.nan)
