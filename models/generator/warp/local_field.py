"""What one homography leaves over, as a smooth field: kriging of the points' residuals.

Shape suffixes: B batch, T frames, N points, Q places asked for.
"""

from __future__ import annotations

import torch
from torch import Tensor

_REACH = 0.5
"""Distance over which residuals are alike, in half picture sizes."""
_NOISE_SHARE = 0.03
"""Variance of a point's own error over that of the field."""
_ODD_ONE_OUT = 0.1
"""Residual against its neighbours' prediction at which a point is doubted."""


def fit_local_field(xy_BTN2: Tensor, residual_BTN2: Tensor, visible_BTN: Tensor) -> Tensor:
    """(B, T, N, 2) coefficients for `local_field`. Points that contradict their neighbours count less."""
    kernel = _kernel(xy_BTN2, xy_BTN2)
    variance = torch.where(visible_BTN, _NOISE_SHARE, 1e6)
    inverse = torch.linalg.inv(kernel + torch.diag_embed(variance))
    left_out = (inverse @ residual_BTN2) / inverse.diagonal(dim1=-2, dim2=-1)[..., None]
    doubt = (left_out.square().sum(-1) / _ODD_ONE_OUT**2).clamp_max(1e3)
    variance = torch.where(visible_BTN, _NOISE_SHARE * (1 + doubt.square()), 1e6)
    return torch.linalg.solve(kernel + torch.diag_embed(variance), residual_BTN2)


def local_field(at_Q2: Tensor, xy_BTN2: Tensor, coefficients_BTN2: Tensor) -> Tensor:
    """(B, T, Q, 2) field at places; it dies away far from all points."""
    return _kernel(at_Q2.expand(*xy_BTN2.shape[:2], -1, -1), xy_BTN2) @ coefficients_BTN2


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    return torch.exp(-0.5 * torch.cdist(a, b).square() / _REACH**2)
