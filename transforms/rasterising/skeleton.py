"""Skeletons as coloured limbs on black, in the manner of OpenPose, drawn by distance fields.

Shape suffixes: B batch, T frames, E a bone in a frame, J joints, H rows, W columns.
Import this module only where torch is installed.
"""

from __future__ import annotations

import torch
from torch import Tensor

from schemas.skeletons import Skeleton

LEAST_CONFIDENCE = 0.3
"""A bone is drawn where both its joints are at least this sure."""
_LINE_WIDTH = 1 / 64
"""Width of a limb in short sides of the picture; no line is thinner than 1.5 px."""
_THINNEST_PX = 1.5
_FACE_SHARE = 0.5
"""Bones of the face are drawn this much thinner."""


def rasterise_skeleton(xy_BTJ2: Tensor, confidence_BTJ: Tensor, skeleton: Skeleton, height: int, width: int) -> Tensor:
    """(B, T, 3, H, W) limbs in 0..1, antialiased, later bones over earlier ones.

    xy: px of the picture to be drawn, centres of pixels at integers; joints that are NaN are left out.
    """
    device = xy_BTJ2.device
    y = torch.arange(height, device=device, dtype=torch.float32)[:, None]
    x = torch.arange(width, device=device, dtype=torch.float32)
    seen = (confidence_BTJ >= LEAST_CONFIDENCE) & xy_BTJ2.isfinite().all(-1)
    xy = torch.where(seen[..., None], xy_BTJ2, 0.0)
    picture = torch.zeros((*xy.shape[:2], 3, height, width), device=device)
    for (a, b), colour in zip(skeleton.bones, bone_colours(skeleton), strict=True):
        share = _FACE_SHARE if a in skeleton.face and b in skeleton.face else 1.0
        radius = max(_THINNEST_PX, min(height, width) * _LINE_WIDTH * share) / 2
        shown = seen[..., a] & seen[..., b]
        rows, columns = _box(xy[:, :, (a, b)][shown], radius + 1, height, width)
        distance = _distance(xy[..., a, :], xy[..., b, :], x[columns], y[rows])
        alpha = ((radius + 0.5 - distance).clamp(0, 1) * shown[..., None, None])[:, :, None]
        ink = torch.tensor(colour, device=device)[:, None, None]
        picture[..., rows, columns].mul_(1 - alpha).add_(alpha * ink)
    return picture


def bone_colours(skeleton: Skeleton) -> list[tuple[float, float, float]]:
    """One colour per bone, hues spread evenly around the circle."""
    import colorsys

    count = len(skeleton.bones)
    return [colorsys.hsv_to_rgb(index / count, 1.0, 1.0) for index in range(count)]


def _box(xy_E22: Tensor, margin: float, height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns in which a bone is drawn in any frame. xy: both its ends where it is, px."""
    if not len(xy_E22):
        return slice(0), slice(0)
    ends = xy_E22.flatten(0, 1).clamp(-1e6, 1e6)
    (left, top), (right, bottom) = (ends.amin(0) - margin).tolist(), (ends.amax(0) + margin).tolist()
    return slice(max(0, int(top)), max(0, int(bottom) + 1)), slice(max(0, int(left)), max(0, int(right) + 1))


def _distance(a_BT2: Tensor, b_BT2: Tensor, x_W: Tensor, y_H1: Tensor) -> Tensor:
    """(B, T, H, W) px from every pixel to the segments a–b."""
    ax, ay = a_BT2[..., 0, None, None], a_BT2[..., 1, None, None]
    dx, dy = (b_BT2 - a_BT2)[..., 0, None, None], (b_BT2 - a_BT2)[..., 1, None, None]
    share = (((x_W - ax) * dx + (y_H1 - ay) * dy) / (dx * dx + dy * dy).clamp_min(1e-6)).clamp(0, 1)
    return torch.hypot(x_W - ax - share * dx, y_H1 - ay - share * dy)
