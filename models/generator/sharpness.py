"""Sharpness as gradient energy."""

from __future__ import annotations

import torch
from torch import Tensor

_LUMA = (0.299, 0.587, 0.114)


def gradient_energy(pictures_BT3HW: Tensor) -> Tensor:
    """(B,) mean squared difference of neighbouring pixels' luma, both ways; pixels 0..1."""
    weight = torch.tensor(_LUMA, device=pictures_BT3HW.device)[:, None, None]
    luma = (pictures_BT3HW * weight).sum(-3)
    return luma.diff(dim=-1).square().mean((-3, -2, -1)) + luma.diff(dim=-2).square().mean((-3, -2, -1))
