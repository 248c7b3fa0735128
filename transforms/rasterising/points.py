"""Background points as small dots on black; the colour says which point it is, by where it was chosen.

Shape suffixes: B batch, T frames, N points, H rows, W columns, P pixels of a dot. Import this module only where torch
is installed.
"""

from __future__ import annotations

import torch
from torch import Tensor

_RADIUS = 1 / 100
"""Radius of a dot in short sides of the picture; no dot is smaller than 1 px."""
_SMALLEST_PX = 1.0


def rasterise_points(xy_BTN2: Tensor, visible_BTN: Tensor, people_BT1HW: Tensor) -> Tensor:
    """(B, T, 3, H, W) dots in 0..1 without trails, black where people are (1 in the mask).

    xy: px, centres of pixels at integers. The colour is that of the place at frame 0 (`identity_colours`). A point is
    left out where it is not visible, outside the frame, or its centre lies under the mask.
    """
    height, width = people_BT1HW.shape[-2:]
    shown = drawn(xy_BTN2, visible_BTN, people_BT1HW)
    colours_BN3 = identity_colours(xy_BTN2[:, 0], height, width)
    radius = max(_SMALLEST_PX, min(height, width) * _RADIUS)
    reach = int(radius + 1.5)
    axis = torch.arange(-reach, reach + 1, device=xy_BTN2.device)
    offset_P2 = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1).reshape(-1, 2)
    centre = torch.where(shown[..., None], xy_BTN2, 0.0)
    pixel_BTNP2 = centre.round().long()[..., None, :] + offset_P2
    alpha = (radius + 0.5 - (pixel_BTNP2 - centre[..., None, :]).norm(dim=-1)).clamp(0, 1)
    x, y = pixel_BTNP2.unbind(-1)
    alpha = alpha * (shown[..., None] & (x >= 0) & (x < width) & (y >= 0) & (y < height))
    index = (y.clamp(0, height - 1) * width + x.clamp(0, width - 1)).flatten(2)
    ink = alpha[..., None] * colours_BN3[:, None, :, None]
    picture = torch.zeros((*xy_BTN2.shape[:2], 3, height * width), device=xy_BTN2.device)
    picture.scatter_reduce_(
        -1, index[:, :, None].expand(-1, -1, 3, -1), ink.flatten(2, 3).transpose(2, 3), reduce="amax"
    )
    dots: Tensor = picture.unflatten(-1, (height, width)) * (1 - people_BT1HW)
    return dots


def drawn(xy_BTN2: Tensor, visible_BTN: Tensor, people_BT1HW: Tensor) -> Tensor:
    """(B, T, N) bool: the point is visible, on the frame, and not under the mask."""
    height, width = people_BT1HW.shape[-2:]
    x, y = xy_BTN2.nan_to_num(-1e4).round().long().unbind(-1)
    on_frame = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    place = y.clamp(0, height - 1) * width + x.clamp(0, width - 1)
    free = people_BT1HW.flatten(2).gather(2, place) < 0.5
    return visible_BTN & on_frame & free


def identity_colours(xy_BN2: Tensor, height: int, width: int) -> Tensor:
    """(B, N, 3) in 0..1: hue by the row a point was chosen in, lightness by its column."""
    size = torch.tensor([width, height], device=xy_BN2.device, dtype=torch.float32)
    column, row = (xy_BN2.nan_to_num(0) / size).clamp(0, 1).unbind(-1)
    lightness = 0.4 + 0.3 * column
    chroma = 1 - (2 * lightness - 1).abs()
    angle = torch.remainder(row[..., None] * 0.85 * 6 + torch.tensor([0.0, 4.0, 2.0], device=xy_BN2.device), 6)
    pure = ((angle - 3).abs() - 1).clamp(0, 1)
    return lightness[..., None] + chroma[..., None] * (pure - 0.5)
