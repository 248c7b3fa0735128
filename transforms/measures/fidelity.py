"""Nearness to the true video, over the parts of the picture that matter.

Shape suffixes: B videos, T frames, H rows, W columns. Pixels are 0..1. Import only where torch is installed.
"""

from __future__ import annotations

import torch
from torch import Tensor

_LEAST_ERROR = 1e-6
"""Squared error below which a match is perfect: PSNR ends at 60 dB."""


def masked_psnr(made_BT3HW: Tensor, true_BT3HW: Tensor, mask_BT1HW: Tensor) -> Tensor:
    """(B, T) dB over the pixels of the mask; NaN where it is empty."""
    area = 3 * mask_BT1HW.sum((2, 3, 4))
    error = ((made_BT3HW - true_BT3HW).square() * mask_BT1HW).sum((2, 3, 4)) / area
    return torch.where(area > 0, -10 * error.clamp_min(_LEAST_ERROR).log10(), torch.nan)


def newly_seen(ground_BT1HW: Tensor, known_BT1HW: Tensor, least_px: int = 20) -> Tensor:
    """(B, T, 1, H, W) ground that the reference did not show; nothing in frames where it is a few pixels only.

    ground: 1 where no person is. known: validity of the warped ground, 0..1.
    """
    fresh = ground_BT1HW * (known_BT1HW < 0.5)
    return fresh * (fresh.sum((2, 3, 4), keepdim=True) > least_px)


def colour_error(made_BT3HW: Tensor, true_BT3HW: Tensor) -> Tensor:
    """(B,) departure of the mean colour from the true one, mean over channels and frames, 0..1."""
    return (made_BT3HW.mean((-2, -1)) - true_BT3HW.mean((-2, -1))).abs().mean((1, 2))
