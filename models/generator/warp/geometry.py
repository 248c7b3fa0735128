"""Pixel geometry in torch. Coordinates are pixels, x then y, centres of pixels at integers.

Shape suffixes: B batch, T frames, N points, C channels, H rows, W columns.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def pixel_grid(height: int, width: int, device: torch.device) -> Tensor:
    """(H, W, 2) coordinates of every pixel."""
    y, x = torch.meshgrid(
        torch.arange(height, device=device, dtype=torch.float32),
        torch.arange(width, device=device, dtype=torch.float32),
        indexing="ij",
    )
    return torch.stack([x, y], -1)


def sample(image_BCHW: Tensor, xy_BHW2: Tensor, padding: str = "border") -> Tensor:
    """(B, C, h, w) bilinear samples of images at pixel places (B, h, w, 2). padding: as `grid_sample` names it."""
    size = torch.tensor([image_BCHW.shape[-1], image_BCHW.shape[-2]], device=xy_BHW2.device, dtype=torch.float32)
    return F.grid_sample(image_BCHW, (2 * xy_BHW2 + 1) / size - 1, align_corners=False, padding_mode=padding)


def sample_picture(picture_B4HW: Tensor, xy_BHW2: Tensor, padding: str = "border") -> Tensor:
    """(B, 4, h, w) samples of colours in 0..1 and their coverage at pixel places (B, h, w, 2).

    Colours are bicubic: bilinear ones lose a quarter of a picture's gradient energy. Coverage is bilinear, without
    overshoot.
    """
    size = torch.tensor([picture_B4HW.shape[-1], picture_B4HW.shape[-2]], device=xy_BHW2.device, dtype=torch.float32)
    grid = (2 * xy_BHW2 + 1) / size - 1
    rgb = F.grid_sample(picture_B4HW[:, :3], grid, mode="bicubic", align_corners=False, padding_mode=padding)
    coverage = F.grid_sample(picture_B4HW[:, 3:], grid, align_corners=False, padding_mode=padding)
    return torch.cat([rgb.clamp(0, 1), coverage], 1)


def inside(xy: Tensor, height: int, width: int) -> Tensor:
    """(...) bool: the place (..., 2) lies on the picture."""
    x, y = xy.unbind(-1)
    return (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)


def project(homography_33: Tensor, xy_N2: Tensor) -> Tensor:
    """Places (..., N, 2) through homographies (..., 3, 3). Behind the camera: far away."""
    moved = xy_N2 @ homography_33[..., :2].transpose(-1, -2) + homography_33[..., None, :, 2]
    depth = moved[..., 2:]
    return moved[..., :2] / torch.where(depth > 1e-3, depth, torch.full_like(depth, 1e-3))


def pull_push(rgb_BCHW: Tensor, weight_B1HW: Tensor) -> Tensor:
    """Fill what has no weight from what has, smoothly: averages over ever larger neighbourhoods.

    Pixels of weight 1 stay as they are (Gortler et al. 1996, the lumigraph's pull-push).
    """
    height, width = rgb_BCHW.shape[-2:]
    if min(height, width) <= 1:
        return rgb_BCHW
    padded = (0, width % 2, 0, height % 2)
    total = F.avg_pool2d(F.pad(rgb_BCHW * weight_B1HW, padded), 2)
    share = F.avg_pool2d(F.pad(weight_B1HW, padded), 2)
    coarse = pull_push(total / share.clamp_min(1e-6), (4 * share).clamp_max(1))
    filled = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)[..., :height, :width]
    return rgb_BCHW * weight_B1HW + filled * (1 - weight_B1HW)


def grow(mask_B1HW: Tensor, radius: int) -> Tensor:
    """Masks grown by `radius` px (shrunk where negative)."""
    if radius == 0:
        return mask_B1HW
    side = 2 * abs(radius) + 1
    if radius > 0:
        return F.max_pool2d(mask_B1HW, side, 1, radius)
    return 1 - F.max_pool2d(1 - mask_B1HW, side, 1, -radius)
