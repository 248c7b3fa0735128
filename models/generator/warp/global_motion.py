"""One robust homography per frame from a handful of points.

Random sampling of similarities finds the motion most points share; reweighted least squares then fits a homography
whose ridge lets few points say little about perspective. Shape suffixes: B batch, T frames, N points, K hypotheses.
"""

from __future__ import annotations

import torch
from torch import Tensor

from models.generator.warp.geometry import project

_HYPOTHESES = 160
_TOLERANCE = 0.03
"""Residual beyond which a point is no support for a hypothesis, in half picture sizes."""
_SCALE = 0.015
"""Residual at which a point's weight in the fit is a quarter."""
_ROUNDS = 5
_SHORTEST_BASE = 0.2
_RIDGE = (0.02, 0.02, 1e-3, 0.02, 0.02, 1e-3, 0.05, 0.05)
"""Of linear part, shift and perspective; in units of points at the picture's rim."""


def fit_global_motion(xy_BTN2: Tensor, target_BTN2: Tensor, visible_BTN: Tensor) -> Tensor:
    """(B, T, 3, 3) homographies from places to targets; identity where nothing is visible.

    Coordinates: centred, in half picture sizes; targets not far from places.
    """
    weight_BTN = visible_BTN.float()
    start_BT33 = _best_similarity(xy_BTN2, target_BTN2, weight_BTN)
    moved_BTN2 = project(start_BT33, xy_BTN2)
    fitted_BT33 = torch.eye(3, device=xy_BTN2.device).expand_as(start_BT33)
    for _ in range(_ROUNDS):
        residual_BTN = (project(fitted_BT33, moved_BTN2) - target_BTN2).square().sum(-1)
        robust_BTN = weight_BTN / (1 + residual_BTN / _SCALE**2).square()
        fitted_BT33 = _least_squares(moved_BTN2, target_BTN2, robust_BTN)
    return fitted_BT33 @ start_BT33


def _best_similarity(xy_BTN2: Tensor, target_BTN2: Tensor, weight_BTN: Tensor) -> Tensor:
    """Of the shifts by single points and the similarities by pairs, the one with the most support."""
    first_K, second_K = _pairs(xy_BTN2.shape[2], xy_BTN2.device)
    z, w = torch.view_as_complex(xy_BTN2.contiguous()), torch.view_as_complex(target_BTN2.contiguous())
    base, image = z[..., second_K] - z[..., first_K], w[..., second_K] - w[..., first_K]
    usable_BTK = weight_BTN[..., first_K] * weight_BTN[..., second_K] * (base.abs() > _SHORTEST_BASE)
    turn = torch.where(usable_BTK > 0, image / torch.where(base.abs() > 0, base, torch.ones_like(base)), 1.0 + 0j)
    turn = torch.cat([torch.ones_like(z), turn], -1)
    shift = torch.cat([w - z, w[..., first_K] - turn[..., z.shape[-1] :] * z[..., first_K]], -1)
    usable = torch.cat([weight_BTN, usable_BTK], -1)
    error = (turn[..., None] * z[..., None, :] + shift[..., None] - w[..., None, :]).abs() / _TOLERANCE
    support = (weight_BTN[..., None, :] * (1 - error.square()).clamp_min(0)).sum(-1)
    best = torch.where(usable > 0, support, -1.0).max(-1, keepdim=True)
    seen = best.values >= 0
    chosen = torch.where(seen, turn.gather(-1, best.indices), 1.0 + 0j)[..., 0]
    moved = torch.where(seen, shift.gather(-1, best.indices), 0j)[..., 0]
    zero, one = torch.zeros_like(chosen.real), torch.ones_like(chosen.real)
    rows = (chosen.real, -chosen.imag, moved.real, chosen.imag, chosen.real, moved.imag, zero, zero, one)
    return torch.stack(rows, -1).unflatten(-1, (3, 3))


def _pairs(points: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Indices of random pairs, the same for every call; none where there are fewer than two points."""
    if points < 2:
        none = torch.zeros(0, dtype=torch.int64, device=device)
        return none, none
    generator = torch.Generator().manual_seed(points)
    first = torch.randint(points, (_HYPOTHESES,), generator=generator)
    step = torch.randint(1, points, (_HYPOTHESES,), generator=generator)
    return first.to(device), ((first + step) % points).to(device)


def _least_squares(xy: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted ridge fit of a homography near identity: unknowns are its departures, linear in the equations."""
    (x, y), (u, v) = xy.unbind(-1), target.unbind(-1)
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    across = torch.stack([x, y, one, zero, zero, zero, -u * x, -u * y], -1)
    down = torch.stack([zero, zero, zero, x, y, one, -v * x, -v * y], -1)
    design = torch.cat([across, down], -2).double()
    wanted = torch.cat([u - x, v - y], -1).double()
    weighted = design * torch.cat([weight, weight], -1)[..., None]
    normal = weighted.transpose(-1, -2) @ design + torch.diag(torch.tensor(_RIDGE, device=xy.device).double())
    departure = torch.linalg.solve(normal, (weighted.transpose(-1, -2) @ wanted[..., None])[..., 0])
    whole = torch.cat([departure, torch.zeros_like(departure[..., :1])], -1).unflatten(-1, (3, 3)).float()
    return whole + torch.eye(3, device=xy.device)
