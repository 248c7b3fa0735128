"""The reference figure moved limb by limb to driving poses.

Each pixel of a layer looks back into the reference through the similarities of its bones, blended by nearness; the
layers are laid over each other, limbs that the pose says are hidden at the back.
Shape suffixes: B batch, T frames, F frames of any video, J joints, L layers, K bones of a layer, H rows, W columns.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from models.generator.warp.bones import LAYERS, Bones, driven_bones, reference_bones
from models.generator.warp.geometry import inside, pixel_grid, sample_picture
from models.generator.warp.layers import bone_coordinates, cut_layers, limb_hidden, mirror_sources

_BLEND = 0.06
"""Distance, in torso lengths, over which neighbouring bones share a pixel."""
_REACH = (0.75, 0.6, 0.2, 0.2, 0.45, 0.45)
"""How far from its bones a layer is drawn, clothes and hair included, in torso lengths."""
_FADE = 0.05
"""Width, in torso lengths, over which a layer ends there."""
_PIXELS_AT_ONCE = 2**20
"""Of as many frames' pictures: few steps for small pictures, little memory for large ones."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A reference figure ready to be moved. layers_BL4HW: RGBA; source_BL: where each layer's picture comes from."""

    layers_BL4HW: Tensor
    source_BL: Tensor
    pose_BJ2: Tensor
    bones: Bones

    @classmethod
    def from_reference(
        cls, reference_B3HW: Tensor, mask_B1HW: Tensor, pose_BJ2: Tensor, confidence_BJ: Tensor
    ) -> Figure:
        """Cut the person out. Coordinates: px; missing joints are NaN. mask: 1 where the person is seen."""
        layers = cut_layers(reference_B3HW, mask_B1HW, pose_BJ2, confidence_BJ)
        bones = reference_bones(pose_BJ2)
        return cls(layers, mirror_sources(layers, bones, confidence_BJ), pose_BJ2, bones)

    def move(self, pose_BTJ2: Tensor, confidence_BTJ: Tensor) -> Tensor:
        """(B, T, 4, H, W) RGBA, colour premultiplied; empty where the pose is missing."""
        height, width = self.layers_BL4HW.shape[-2:]
        batch, frames = pose_BTJ2.shape[:2]
        moved = torch.zeros((batch * frames, 4, height, width), device=pose_BTJ2.device)
        target = _frames_of(driven_bones(pose_BTJ2, self.pose_BJ2, self.bones))
        order, figure = _order(confidence_BTJ).flatten(0, 1), _figures(batch, frames, pose_BTJ2.device)
        at_once = max(1, _PIXELS_AT_ONCE // (height * width))
        for first in range(0, len(moved), at_once):
            some = slice(first, first + at_once)
            for rank in range(len(LAYERS)):
                self._lay(moved[some], _at(target, some), figure[some], order[some, rank])
        return moved.unflatten(0, (batch, frames))

    def _lay(self, canvas_F4HW: Tensor, target: Bones, figure_F: Tensor, layer_F: Tensor) -> None:
        """Lay one layer over the canvas of each frame, in place. figure: which one a frame shows."""
        source_F = self.source_BL[figure_F, layer_F]
        rows = torch.arange(len(layer_F), device=layer_F.device)
        bones, own = _layer(target, rows, layer_F), _layer(self.bones, figure_F, source_F)
        height, width = canvas_F4HW.shape[-2:]
        reach_F = torch.tensor(_REACH, device=source_F.device)[layer_F] * bones.unit
        top, bottom, left, right = _box(bones, reach_F, height, width)
        if top >= bottom or left >= right:
            return
        grid = pixel_grid(height, width, canvas_F4HW.device)[top:bottom, left:right]
        place, distance = _look_back(bones, own, grid, mirrored_B=source_F != layer_F)
        place = place.nan_to_num(-1e4)
        near = ((reach_F[:, None, None] - distance) / (_FADE * bones.unit[:, None, None])).clamp(0, 1).nan_to_num(0)
        found = sample_picture(self.layers_BL4HW[figure_F, source_F], place)
        there = bones.found & own.found
        alpha = found[:, 3:] * (near * inside(place, height, width) * there[:, None, None])[:, None]
        region = canvas_F4HW[..., top:bottom, left:right]
        region.mul_(1 - alpha).add_(torch.cat([found[:, :3] * alpha, alpha], 1))


def _look_back(target: Bones, source: Bones, grid_HW2: Tensor, mirrored_B: Tensor) -> tuple[Tensor, Tensor]:
    """(B, h, w, 2) places in the reference that one layer shows at the grid's pixels, and (B, h, w) px to its bones."""
    along, across, length = bone_coordinates(target.start_LK2, target.end_LK2, grid_HW2)
    bone = source.end_LK2 - source.start_LK2
    own_length = bone.norm(dim=-1).clamp_min(1e-3)
    way = bone / own_length[..., None]
    own_length = own_length[..., None, None]
    share = (along / length).clamp(0, 1)
    widths = [b.width_LK2[:, :, None, None] for b in (target, source)]
    thickness = [w[..., 0] + (w[..., 1] - w[..., 0]) * share for w in widths]
    scale = (source.unit / target.unit)[:, None, None, None]
    beyond = along - along.clamp_min(0).minimum(length)
    own_along = share * own_length + beyond * scale
    own_across = across * thickness[1] / thickness[0] * torch.where(mirrored_B, -1.0, 1.0)[:, None, None, None]
    side = torch.stack([-way[..., 1], way[..., 0]], -1)
    place = source.start_LK2[..., None, None, :] + own_along[..., None] * way[..., None, None, :]
    place = place + own_across[..., None] * side[..., None, None, :]
    distance = torch.hypot(beyond, across)
    nearness = -(distance / (_BLEND * target.unit[:, None, None, None])).square()
    return (place * torch.softmax(nearness, 1)[..., None]).sum(1), distance.amin(1)


def _order(confidence_BTJ: Tensor) -> Tensor:
    """(B, T, L) layers from back to front: hidden arms, legs, torso, head, arms; of a pair the surer one in front."""
    sure = torch.stack([confidence_BTJ[..., pair].mean(-1) for pair in ([13, 15], [14, 16], [25, 27], [26, 28])], -1)
    arms, legs = sure[..., :2], sure[..., 2:]
    hidden = limb_hidden(confidence_BTJ)[..., :2]
    torso = torch.full_like(arms[..., :1], 3.0)
    depth = torch.cat([torso, torso + 1, torch.where(hidden, 0.0, 5.0) + 0.5 * arms, 1.5 + 0.5 * legs], -1)
    return depth.argsort(dim=-1, stable=True)


def _layer(bones: Bones, rows: Tensor, layers: Tensor) -> Bones:
    """One layer of some bodies."""
    return Bones(
        bones.start_LK2[rows, layers], bones.end_LK2[rows, layers], bones.width_LK2[rows, layers], bones.unit[rows]
    )


def _figures(batch: int, frames: int, device: torch.device) -> Tensor:
    """(B T) which figure a frame shows."""
    return torch.arange(batch, device=device).repeat_interleave(frames)


def _frames_of(bones: Bones) -> Bones:
    """Bones (B, T, ...) as bones (B T, ...)."""
    return Bones(*(getattr(bones, field.name).flatten(0, 1) for field in fields(bones)))


def _at(bones: Bones, frames: slice) -> Bones:
    return Bones(*(getattr(bones, field.name)[frames] for field in fields(bones)))


def _box(bones: Bones, reach_B: Tensor, height: int, width: int) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of the part of the picture a layer can touch in any figure, ends exclusive."""
    places = torch.cat([bones.start_LK2, bones.end_LK2], -2)
    room = reach_B[:, None, None]
    low = torch.where(places.isfinite(), places - room, torch.inf)
    high = torch.where(places.isfinite(), places + room, -torch.inf)
    x0, y0 = low.amin((0, 1)).clamp(0, 1e5).tolist()
    x1, y1 = high.amax((0, 1)).clamp(-1, 1e5).tolist()
    return int(y0), min(height, int(y1) + 1), int(x0), min(width, int(x1) + 1)
