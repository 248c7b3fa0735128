"""Where a generated video shows the figure, told from its pixels with the truth at hand.

Each pixel is figure or ground by what it looks more like: the true figure there or close by (or the figure as it stood
in the first frame, where a generator that does not move it leaves it), or the same scene rendered without the figure.
Shape suffixes: B videos, T frames, H rows, W columns, N pictures. Pixels are 0..1.
Import only where torch is installed.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_NEARBY_PX = 1
"""How far a look may be misplaced and still be that look, at a short side of 64 px."""
_UNLIKE = 10.0


def figure_mask(pictures_BT3HW: Tensor, true_BT3HW: Tensor, mask_BT1HW: Tensor, plate_BT3HW: Tensor) -> Tensor:
    """(B, T, 1, H, W) 1 where pictures look like the figure. mask: of the true figure; plate: the scene without it."""
    shape, frames = pictures_BT3HW.shape[:2], pictures_BT3HW.shape[1]
    pictures, plate = pictures_BT3HW.flatten(0, 1), plate_BT3HW.flatten(0, 1)
    first = [video[:, :1].expand(-1, frames, -1, -1, -1).flatten(0, 1) for video in (true_BT3HW, mask_BT1HW)]
    figure = _distance(pictures, true_BT3HW.flatten(0, 1), mask_BT1HW.flatten(0, 1)).minimum(
        _distance(pictures, first[0], first[1])
    )
    ground = _distance(pictures, plate, torch.ones_like(plate[:, :1]))
    nearer: Tensor = (figure < ground).float().unflatten(0, shape)
    return nearer


def figure_iou(made_BT3HW: Tensor, true_BT3HW: Tensor, mask_BT1HW: Tensor, plate_BT3HW: Tensor) -> Tensor:
    """(B, T) IoU of where a made and the true video show the figure, told alike; NaN where the true one shows none.

    Blurred edges are told apart less surely than a mask knows them: expect less than from comparing masks.
    """
    made, true = (figure_mask(v, true_BT3HW, mask_BT1HW, plate_BT3HW) > 0.5 for v in (made_BT3HW, true_BT3HW))
    both, either = ((made & true).sum((2, 3, 4)), (made | true).sum((2, 3, 4)))
    return torch.where(true.sum((2, 3, 4)) > 0, both / either.clamp_min(1), torch.nan)


def _distance(pictures_N3HW: Tensor, looks_N3HW: Tensor, there_N1HW: Tensor) -> Tensor:
    """(N, 1, H, W) difference of colour from the most alike of the looks that are there nearby."""
    height, width = pictures_N3HW.shape[-2:]
    reach = max(1, round(_NEARBY_PX * min(height, width) / 64))
    looks = F.pad(torch.cat([looks_N3HW, there_N1HW], 1), (reach,) * 4, mode="constant")
    nearest = torch.full_like(there_N1HW, _UNLIKE)
    for y in range(2 * reach + 1):
        for x in range(2 * reach + 1):
            shifted = looks[..., y : y + height, x : x + width]
            distance = (pictures_N3HW - shifted[:, :3]).abs().mean(1, keepdim=True)
            nearest = torch.where(shifted[:, 3:] > 0.5, nearest.minimum(distance), nearest)
    return nearest
