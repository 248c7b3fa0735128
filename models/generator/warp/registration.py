"""Small misfits between a finished frame and what the memory expected there: an affine Lucas–Kanade fit.

Shape suffixes: B batch, H rows, W columns.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from models.generator.warp.geometry import pixel_grid, sample

_LUMA = (0.299, 0.587, 0.114)
_LEVELS = (4, 2, 1)
_ROUNDS = 4
_LEAST_SHARE = 0.05
"""Share of the frame that must be known ground for a fit."""
_LARGEST_SHIFT = 0.05
"""Largest believable misfit, in picture sizes."""


def register(frame_B3HW: Tensor, expected_B3HW: Tensor, weight_B1HW: Tensor) -> Tensor:
    """(B, 2, 3) affine map, px to px: expected pixel p is seen in the frame at map(p).

    Identity where too little is known, the misfit is beyond belief, or moving does not help. Source: Baker and
    Matthews 2004, forward additive alignment, robustly weighted, coarse to fine; brightness may differ by a constant.
    """
    batch, _, height, width = frame_B3HW.shape
    identity = torch.eye(2, 3, device=frame_B3HW.device).repeat(batch, 1, 1)
    luma = torch.tensor(_LUMA, device=frame_B3HW.device)[:, None, None]
    whole, wanted = ((image * luma).sum(1, keepdim=True) for image in (frame_B3HW, expected_B3HW))
    found = identity
    for level in _LEVELS:
        if min(height, width) // level < 16:
            continue
        frame, expected, weight = (F.avg_pool2d(image, level) for image in (whole, wanted, weight_B1HW))
        weight = (weight > 0.99).float()
        for _ in range(_ROUNDS):
            found = found + _step(frame, expected, weight, _scaled(found, level)) * _unscale(level, found.device)
    before, after = (_misfit(whole, wanted, weight_B1HW, map_) for map_ in (identity, found))
    shift = (found[..., 2] / max(height, width)).abs().amax(-1)
    enough = weight_B1HW.mean((1, 2, 3)) > _LEAST_SHARE
    good = enough & (after < before) & (shift < _LARGEST_SHIFT) & found.isfinite().all(-1).all(-1)
    return torch.where(good[:, None, None], found, identity)


def _scaled(affine_B23: Tensor, level: int) -> Tensor:
    """The same map on a picture shrunk by `level`; pixel p of it lies at level * p + (level - 1) / 2."""
    linear, shift = affine_B23[..., :2], affine_B23[..., 2]
    offset = torch.full_like(shift, (level - 1) / 2)
    moved = (torch.einsum("bij,bj->bi", linear, offset) + shift - offset) / level
    return torch.cat([linear, moved[..., None]], -1)


def _unscale(level: int, device: torch.device) -> Tensor:
    return torch.tensor([1.0, 1.0, float(level)], device=device)


def _step(frame_B1HW: Tensor, expected_B1HW: Tensor, weight_B1HW: Tensor, affine_B23: Tensor) -> Tensor:
    """One Gauss–Newton step (B, 2, 3)."""
    height, width = frame_B1HW.shape[-2:]
    grid = pixel_grid(height, width, frame_B1HW.device)
    place = _moved(affine_B23, grid)
    moved = sample(frame_B1HW, place)
    down, across = torch.gradient(moved[:, 0], dim=(1, 2))
    error = (expected_B1HW - moved)[:, 0]
    weight = weight_B1HW[:, 0]
    share = weight / weight.sum((1, 2), keepdim=True).clamp_min(1)
    error = error - (error * share).sum((1, 2), keepdim=True)
    spread = (error.abs() * share).sum((1, 2), keepdim=True)
    robust = weight / (1 + (error / (2 * spread + 1e-4)).square())
    x, y = grid.unbind(-1)
    unit = max(height, width) / 2
    columns = [g * f for g in (across, down) for f in (x / unit - 1, y / unit - 1, torch.ones_like(x))]
    design = torch.stack(columns, -1).flatten(1, 2).double()
    weighted = design * robust.flatten(1)[..., None]
    normal = weighted.transpose(1, 2) @ design
    strength = 1e-3 * normal.diagonal(dim1=1, dim2=2).mean(-1)[:, None, None] + 1e-9
    ridge = strength * torch.eye(6, device=x.device)
    step = torch.linalg.solve(normal + ridge, (weighted.transpose(1, 2) @ error.flatten(1)[..., None].double())[..., 0])
    a = step.float().unflatten(-1, (2, 3))
    return torch.cat([a[..., :2] / unit, (a[..., 2] - a[..., :2].sum(-1))[..., None]], -1)


def _misfit(frame: Tensor, expected: Tensor, weight: Tensor, affine_B23: Tensor) -> Tensor:
    moved = sample(frame, _moved(affine_B23, pixel_grid(frame.shape[-2], frame.shape[-1], frame.device)))
    return ((moved - expected).abs() * weight).mean((1, 2, 3))


def _moved(affine_B23: Tensor, grid_HW2: Tensor) -> Tensor:
    return torch.einsum("bij,hwj->bhwi", affine_B23[..., :2], grid_HW2) + affine_B23[:, None, None, :, 2]
