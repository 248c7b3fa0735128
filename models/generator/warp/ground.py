"""The motion of the ground: from each frame's pixels to places on the memory canvas.

Shape suffixes: B batch, T frames, N points, H rows, W columns, g nodes of the coarse field.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from models.generator.warp.geometry import pixel_grid, project
from models.generator.warp.global_motion import fit_global_motion
from models.generator.warp.local_field import fit_local_field, local_field

_NODES = 17
_INVERSION_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class GroundMotion:
    """Frame px to canvas px: a homography plus a smooth local field.

    homography_BT33: maps px to px. field_BT2gg: px, nodes spread from corner to corner of the frame.
    """

    homography_BT33: Tensor
    field_BT2gg: Tensor
    height: int
    width: int

    def at(self, frames: slice) -> GroundMotion:
        """The motion of some of the frames."""
        return GroundMotion(self.homography_BT33[:, frames], self.field_BT2gg[:, frames], self.height, self.width)

    def dense(self) -> Tensor:
        """(B, T, H, W, 2) canvas place of every pixel."""
        grid = pixel_grid(self.height, self.width, self.homography_BT33.device).flatten(0, 1)
        moved = project(self.homography_BT33, grid).unflatten(-2, (self.height, self.width))
        field = F.interpolate(
            self.field_BT2gg.flatten(0, 1), (self.height, self.width), mode="bilinear", align_corners=True
        )
        return moved + field.movedim(1, -1).unflatten(0, moved.shape[:2])

    def places(self, xy_BTN2: Tensor) -> Tensor:
        """(B, T, N, 2) canvas places of given frame places."""
        return project(self.homography_BT33, xy_BTN2) + self._field_at(xy_BTN2)

    def inverse(self, canvas_BTN2: Tensor) -> Tensor:
        """(B, T, N, 2) frame places that show given canvas places."""
        back = torch.linalg.inv(self.homography_BT33)
        xy = project(back, canvas_BTN2)
        for _ in range(_INVERSION_ROUNDS):
            xy = project(back, canvas_BTN2 - self._field_at(xy))
        return xy

    def _field_at(self, xy_BTN2: Tensor) -> Tensor:
        size = torch.tensor([self.width - 1, self.height - 1], device=xy_BTN2.device, dtype=torch.float32)
        grid = (2 * xy_BTN2 / size - 1).flatten(0, 1)[:, None]
        found = F.grid_sample(self.field_BT2gg.flatten(0, 1), grid, align_corners=True, padding_mode="border")
        return found[:, :, 0].transpose(1, 2).unflatten(0, xy_BTN2.shape[:2])


def fit_ground_motion(
    xy_BTN2: Tensor, canvas_BN2: Tensor, visible_BTN: Tensor, start_B33: Tensor, height: int, width: int
) -> GroundMotion:
    """The motion that takes the visible points to their places on the canvas.

    xy_BTN2: px; values of points that are not visible are not used. canvas_BN2: px. start_B33: the map at the
    clip's first frame, which holds until points tell otherwise; a frame without points keeps that of the one before.
    """
    if xy_BTN2.shape[2] == 0:
        return _still(start_B33, xy_BTN2.shape[1], height, width)
    unit = max(height, width) / 2
    to_unit = _normaliser(height, width, unit, xy_BTN2.device)
    from_unit = torch.linalg.inv(to_unit)
    visible = visible_BTN & xy_BTN2.isfinite().all(-1) & canvas_BN2.isfinite().all(-1)[:, None]
    xy = project(to_unit, torch.where(visible[..., None], xy_BTN2, 0.0))
    target = torch.where(visible[..., None], canvas_BN2[:, None], 0.0).expand_as(xy)
    target = project((to_unit @ torch.linalg.inv(start_B33))[:, None], target)
    homography = _hold(fit_global_motion(xy, target, visible), visible.any(-1))
    residual = torch.where(visible[..., None], target - project(homography, xy), 0.0)
    coefficients = fit_local_field(xy, residual, visible)
    axis = [torch.linspace(0, n - 1, _NODES, device=xy.device) for n in (height, width)]
    nodes = project(to_unit, torch.stack(torch.meshgrid(*axis, indexing="ij")[::-1], -1).flatten(0, 1))
    moved = project(homography, nodes)
    field = local_field(nodes, xy, coefficients)
    whole = start_B33[:, None] @ from_unit @ homography @ to_unit
    shifted = project(start_B33[:, None] @ from_unit, moved + field) - project(start_B33[:, None] @ from_unit, moved)
    return GroundMotion(whole, shifted.transpose(-1, -2).unflatten(-1, (_NODES, _NODES)), height, width)


def _still(start_B33: Tensor, frames: int, height: int, width: int) -> GroundMotion:
    field = torch.zeros((len(start_B33), frames, 2, _NODES, _NODES), device=start_B33.device)
    return GroundMotion(start_B33[:, None].repeat(1, frames, 1, 1), field, height, width)


def _normaliser(height: int, width: int, unit: float, device: torch.device) -> Tensor:
    """(3, 3) map from px to the centred coordinates of the fits."""
    rows = [[1 / unit, 0, -(width - 1) / 2 / unit], [0, 1 / unit, -(height - 1) / 2 / unit], [0, 0, 1]]
    return torch.tensor(rows, device=device)


def _hold(homography_BT33: Tensor, told_BT: Tensor) -> Tensor:
    """Frames that no point tells about take the map of the last frame before them, or identity."""
    frames = torch.arange(told_BT.shape[1], device=told_BT.device)
    last = torch.where(told_BT, frames, -1).cummax(1).values
    held = homography_BT33.gather(1, last.clamp_min(0)[..., None, None].expand_as(homography_BT33))
    return torch.where((last >= 0)[..., None, None], held, torch.eye(3, device=told_BT.device))
