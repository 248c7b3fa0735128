"""Plausible ground where none is known: texture from beside a hole, and the picture's mirror image beyond its edges.

Shape suffixes: B batch, K candidate shifts, H rows, W columns.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from models.generator.warp.geometry import grow, pixel_grid, pull_push, sample

_SMALL = 64
"""Short side, px, of the picture on which shifts are compared."""
_ACROSS = tuple(sign * step / 20 for step in range(2, 11) for sign in (-1, 1))
_DOWN = (0.0, -0.04, 0.04)
"""Shifts tried, in short sides: ground goes on sideways more than upwards."""
_RING = 0.05
"""Width of the rim that is compared, in short sides."""
_NEIGHBOURHOOD = (0.12, 0.3)
"""Height and width of half the neighbourhood that agrees on a shift, in short sides."""
_UNKNOWN = 0.3
"""Cost of taking texture from where nothing is known."""


def fill_holes(rgb_B3HW: Tensor, known_B1HW: Tensor) -> Tensor:
    """Pictures whose unknown parts continue the texture beside them, shifted and toned to fit their rims."""
    height, width = rgb_B3HW.shape[-2:]
    shift_BHW2 = _best_shifts(rgb_B3HW * known_B1HW, known_B1HW)
    place = pixel_grid(height, width, rgb_B3HW.device) + shift_BHW2
    moved = sample(torch.cat([rgb_B3HW * known_B1HW, known_B1HW], 1), place, "zeros")
    whole = (moved[:, 3:] > 0.99).float()
    rim = known_B1HW * grow(1 - known_B1HW, max(2, height // 64))
    tone = pull_push((rgb_B3HW - moved[:, :3]) * whole, rim * whole)
    smooth = pull_push(rgb_B3HW, known_B1HW)
    texture = torch.where(whole > 0, (moved[:, :3] + tone).clamp(0, 1), smooth)
    return torch.where(known_B1HW > 0.5, rgb_B3HW, texture)


def extend(rgb_B3HW: Tensor, top: int, left: int) -> Tensor:
    """(B, 3, H + 2 top, W + 2 left): the picture and its mirror images around it."""
    height, width = rgb_B3HW.shape[-2:]
    rows, columns = (_mirrored(-pad, size, rgb_B3HW.device) for pad, size in ((top, height), (left, width)))
    return rgb_B3HW[..., rows, :][..., columns]


def _mirrored(first: int, size: int, device: torch.device) -> Tensor:
    """Indices first..size - first - 1, reflected into 0..size - 1."""
    index = torch.arange(first, size - first, device=device) % (2 * size)
    return torch.minimum(index, 2 * size - 1 - index)


def _best_shifts(rgb_B3HW: Tensor, known_B1HW: Tensor) -> Tensor:
    """(B, H, W, 2) px: at each pixel the shift whose texture fits the rim of the hole around there best."""
    height, width = rgb_B3HW.shape[-2:]
    factor = max(1, min(height, width) // _SMALL)
    share = F.avg_pool2d(known_B1HW, factor)
    small = F.avg_pool2d(rgb_B3HW, factor) / share.clamp_min(1e-6)
    known = (share > 0.99).float()
    side = min(small.shape[-2:])
    rim = known * grow(1 - known, max(1, round(side * _RING)))
    shifts = torch.tensor([(x * side, y * side) for x in _ACROSS for y in _DOWN], device=rgb_B3HW.device).round()
    grid = pixel_grid(small.shape[-2], small.shape[-1], rgb_B3HW.device)
    costs = []
    for shift in shifts:
        moved = sample(torch.cat([small, known], 1), (grid + shift).expand(len(small), -1, -1, -1), "zeros")
        compared = rim * (moved[:, 3:] > 0.99)
        error = (small - moved[:, :3]).square().mean(1, keepdim=True) * compared
        hole = 1 - known
        sums = _around(torch.cat([error, compared, hole * (moved[:, 3:] < 0.99), hole], 1), side)
        fit = torch.where(sums[:, 1] > 1e-4, sums[:, 0] / sums[:, 1].clamp_min(1e-4), 0.1)
        costs.append(fit + _UNKNOWN * sums[:, 2] / sums[:, 3].clamp_min(1e-4))
    best = torch.stack(costs, 1).argmin(1)
    chosen = shifts[best].movedim(-1, 1) * factor
    return F.interpolate(chosen, (height, width), mode="nearest").movedim(1, -1)


def _around(maps_BCHW: Tensor, side: int) -> Tensor:
    """Averages over the neighbourhood of each pixel."""
    rows, columns = (round(side * share) for share in _NEIGHBOURHOOD)
    upright = F.avg_pool2d(maps_BCHW, (2 * rows + 1, 1), 1, (rows, 0))
    return F.avg_pool2d(upright, (1, 2 * columns + 1), 1, (0, columns))
