"""The reference figure cut into layers: torso, head, arms, legs, each an RGBA picture with overlap at the joints.

Shape suffixes: B batch, L layers, K bones of a layer, H rows, W columns.
"""

from __future__ import annotations

import torch
from torch import Tensor

from models.generator.warp.bones import LAYERS, MIRRORED, Bones, reference_bones
from models.generator.warp.geometry import grow, pixel_grid, pull_push

_TORSO, _HEAD = 0, 1
_HIDDEN = 0.35
"""Mean confidence of elbow and wrist, or knee and ankle, below which a limb is behind the body."""
_LIMB_JOINTS = ((13, 15), (14, 16), (25, 27), (26, 28))
_OVERLAP, _SOFTNESS = 0.15, 0.02
"""How far a limb's capsule reaches under its neighbours, and how softly layers end; in torso lengths."""
_MUCH_WORSE = 0.5
"""Worth of a limb's picture, as a share of its counterpart's, below which the counterpart serves for both."""


def cut_layers(reference_B3HW: Tensor, mask_B1HW: Tensor, pose_BJ2: Tensor, confidence_BJ: Tensor) -> Tensor:
    """(B, L, 4, H, W) RGBA layers, colour not premultiplied and filled beyond the figure's edge."""
    height, width = mask_B1HW.shape[-2:]
    bones, mask = reference_bones(pose_BJ2), (mask_B1HW > 0.5).float()
    distance = layer_distance(bones, pixel_grid(height, width, mask.device))
    ranked = _ranked(distance, bones, limb_hidden(confidence_BJ))
    others = torch.stack([_without(ranked, layer).amin(1) for layer in range(len(LAYERS))], 1)
    unit = bones.unit[:, None, None, None]
    own = torch.sigmoid((others - ranked) / unit / _SOFTNESS)
    within = torch.sigmoid(-distance / unit / _SOFTNESS)
    beneath = torch.sigmoid(((others - ranked) / unit + _OVERLAP) / _SOFTNESS)
    beneath[:, _TORSO] = 1
    alpha = torch.maximum(own, within * beneath) * bones.found[..., None, None] * mask
    core = grow(mask, -max(0, round(min(height, width) / 200)))
    weight = (own * core).flatten(0, 1)[:, None]
    colour = reference_B3HW[:, None].expand(-1, len(LAYERS), -1, -1, -1).flatten(0, 1)
    filled = pull_push(colour, weight).unflatten(0, alpha.shape[:2])
    return torch.cat([filled, alpha[:, :, None]], 2)


def layer_distance(bones: Bones, grid_HW2: Tensor) -> Tensor:
    """(B, L, H, W) px from each layer's outline, negative inside; limbs are capsules, the torso is a box."""
    distances = []
    for layer in range(len(LAYERS)):
        start, end = bones.start_LK2[:, layer], bones.end_LK2[:, layer]
        along, across, length = bone_coordinates(start, end, grid_HW2)
        share = (along / length).clamp(0, 1)
        first, last = bones.width_LK2[:, layer, :, None, None, :].unbind(-1)
        radius = first + (last - first) * share
        if layer == _TORSO:
            x, y = across.abs() - radius, torch.maximum(-along, along - length)
            outside = torch.hypot(x.clamp_min(0), y.clamp_min(0))
            distance = torch.where(outside > 0, outside, torch.maximum(x, y))
        else:
            distance = torch.hypot(along - along.clamp_min(0).minimum(length), across) - radius
        distances.append(distance.amin(1))
    return torch.stack(distances, 1).nan_to_num(nan=1e4)


def bone_coordinates(start_K2: Tensor, end_K2: Tensor, grid_HW2: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Places along and across each bone, px (..., K, H, W), and its length (..., K, 1, 1)."""
    bone = end_K2 - start_K2
    length = bone.norm(dim=-1).clamp_min(1e-3)
    way = (bone / length[..., None])[..., None, None, :]
    from_start = grid_HW2 - start_K2[..., None, None, :]
    along = (from_start * way).sum(-1)
    across = from_start[..., 1] * way[..., 0] - from_start[..., 0] * way[..., 1]
    return along, across, length[..., None, None]


def limb_hidden(confidence_J: Tensor) -> Tensor:
    """(..., 4) bool for the limbs in the order of the layers: not seen, so behind the body or out of the frame."""
    index = torch.tensor(_LIMB_JOINTS, device=confidence_J.device)
    return confidence_J[..., index].mean(-1) < _HIDDEN


def mirror_sources(layers_BL4HW: Tensor, bones: Bones, confidence_BJ: Tensor) -> Tensor:
    """(B, L) int64: the layer each one takes its picture from. A limb that the reference shows much worse than its
    counterpart (hidden, cut off, or seen end on) takes the counterpart's mirror image."""
    worth = _worth(layers_BL4HW, bones, limb_hidden(confidence_BJ))
    own = torch.arange(len(LAYERS), device=worth.device).expand_as(worth)
    other = torch.tensor(MIRRORED, device=worth.device).expand_as(worth)
    return torch.where(worth < _MUCH_WORSE * worth.gather(1, other), other, own)


def _worth(layers_BL4HW: Tensor, bones: Bones, hidden_B4: Tensor) -> Tensor:
    """(B, L) how well a layer is seen: covered share of its area, times the share of its bones' length in view."""
    length = (bones.end_LK2 - bones.start_LK2).norm(dim=-1).nan_to_num(0)
    other = length[:, list(MIRRORED)]
    area = (torch.maximum(length, other) * bones.width_LK2.sum(-1)).sum(-1).clamp_min(1)
    cover = (layers_BL4HW[:, :, 3].sum((-1, -2)) / area).clamp_max(1)
    in_view = (length / torch.maximum(length, other).clamp_min(1)).amin(-1)
    seen = torch.cat([torch.ones_like(cover[:, :2]), torch.where(hidden_B4, _MUCH_WORSE / 2, 1.0)], 1)
    return cover * in_view * seen * bones.found


def _ranked(distance_BLHW: Tensor, bones: Bones, hidden_B4: Tensor) -> Tensor:
    """Distances by which layers compete for a pixel: a limb in front of the torso wins over it, one behind loses."""
    unit = bones.unit[:, None, None]
    ranked = distance_BLHW.clone()
    ranked[:, _TORSO] = ranked[:, _TORSO].maximum(-0.01 * unit)
    for limb in range(4):
        behind = hidden_B4[:, limb, None, None]
        far = ranked[:, 2 + limb].maximum(0.02 * unit)
        ranked[:, 2 + limb] = torch.where(behind, far, ranked[:, 2 + limb])
    return torch.where(bones.found[..., None, None], ranked, 1e4)


def _without(layers_BLHW: Tensor, layer: int) -> Tensor:
    return torch.cat([layers_BLHW[:, :layer], layers_BLHW[:, layer + 1 :]], 1)
