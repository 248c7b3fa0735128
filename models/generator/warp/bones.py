"""The figure's parts as bones: segments with a width, from the joints of `blazepose_33`.

Layers are drawn as one piece: torso, head, arms, legs. Shape suffixes: ... any batch, J joints, L layers, K bones of a
layer (short layers repeat one).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from schemas.skeletons import BLAZEPOSE_33

LAYERS = ("torso", "head", "left_arm", "right_arm", "left_leg", "right_leg")
MIRRORED = (0, 1, 3, 2, 5, 4)
"""For each layer the one on the other side of the body."""
_J = BLAZEPOSE_33.index
_NECK, _PELVIS, _HEAD_BASE, _HEAD_TOP, _LEFT_PALM, _RIGHT_PALM = range(33, 39)


def _limb(*joints: int) -> tuple[tuple[int, int], ...]:
    return tuple(pairwise(joints))


_BONES = (
    ((_NECK, _PELVIS),) * 3,
    ((_HEAD_BASE, _HEAD_TOP),) * 3,
    _limb(_J("left_shoulder"), _J("left_elbow"), _J("left_wrist"), _LEFT_PALM),
    _limb(_J("right_shoulder"), _J("right_elbow"), _J("right_wrist"), _RIGHT_PALM),
    _limb(_J("left_hip"), _J("left_knee"), _J("left_ankle"), _J("left_foot_index")),
    _limb(_J("right_hip"), _J("right_knee"), _J("right_ankle"), _J("right_foot_index")),
)
_RADII = ((0.3,) * 3, (0.24,) * 3, *((0.11, 0.09, 0.08),) * 2, *((0.17, 0.12, 0.1),) * 2)
"""Half width of each bone in torso lengths."""
_MEASURED = (
    (_NECK, _PELVIS), (11, 12), (23, 24), (11, 13), (13, 15), (12, 14), (14, 16), (23, 25), (25, 27), (24, 26),
    (26, 28), (33, 7), (33, 8),
)  # fmt: skip
"""Lengths that tell the figure's size."""
_HEAD_UP, _HEAD_DOWN = 0.3, 0.2
"""From the ears to crown and chin, in torso lengths."""
_SHORTEST = 0.25
"""A bone seen end on keeps this share of its length in the reference."""
_TORSO_WIDTHS = (0.6, 1.5)
"""The torso's width may shrink and grow by these factors as it turns."""


@dataclass(frozen=True, slots=True)
class Bones:
    """start_LK2, end_LK2: px. width_LK2: half widths at start and end, px. unit: torso length, px (...)."""

    start_LK2: Tensor
    end_LK2: Tensor
    width_LK2: Tensor
    unit: Tensor

    @property
    def found(self) -> Tensor:
        """(..., L) bool: every bone of the layer has its joints; (...) where the layer axis was taken away."""
        return (self.start_LK2.isfinite() & self.end_LK2.isfinite()).all(-1).all(-1)


def reference_bones(xy_J2: Tensor) -> Bones:
    """Bones of the reference pose (..., 33, 2); NaN where joints are missing."""
    unit = _torso_length(xy_J2)
    joints = _with_virtual(xy_J2, unit)
    start, end = _ends(joints)
    radii = torch.tensor(_RADII, device=xy_J2.device)
    width = (radii * unit[..., None, None])[..., None].repeat_interleave(2, -1)
    width[..., 0, :, :] = _torso_half_widths(joints, unit)[..., None, :]
    return Bones(start, end, width, unit)


def driven_bones(xy_J2: Tensor, reference_J2: Tensor, reference: Bones) -> Bones:
    """Bones of driving poses (B, T, 33, 2), sized after the reference (B, 33, 2): limbs keep their width however
    they are foreshortened, the torso narrows as it turns."""
    scale = _size_ratio(xy_J2, reference_J2[:, None])
    unit = reference.unit[:, None] * scale
    joints = _with_virtual(xy_J2, unit)
    start, end = _ends(joints)
    width = reference.width_LK2[:, None] * scale[..., None, None, None]
    shown = _torso_half_widths(joints, unit)[..., None, :]
    least, most = (factor * width[..., 0, :, :] for factor in _TORSO_WIDTHS)
    width = torch.cat([torch.minimum(torch.maximum(shown, least), most)[..., None, :, :], width[..., 1:, :, :]], -3)
    natural = (reference.end_LK2 - reference.start_LK2).norm(dim=-1)[:, None] * scale[..., None, None]
    return Bones(start, _at_least(start, end, _SHORTEST * natural), width, unit)


def _torso_half_widths(joints: Tensor, unit: Tensor) -> Tensor:
    """(..., 2) at shoulders and hips, flesh beyond the joints included."""
    shoulders = (joints[..., 11, :] - joints[..., 12, :]).norm(dim=-1) / 2
    hips = (joints[..., 23, :] - joints[..., 24, :]).norm(dim=-1) / 2
    return torch.stack([torch.maximum(shoulders, 0.2 * unit), torch.maximum(1.5 * hips, 0.2 * unit)], -1)


def _ends(joints: Tensor) -> tuple[Tensor, Tensor]:
    index = torch.tensor(_BONES, device=joints.device)
    return joints[..., index[..., 0], :], joints[..., index[..., 1], :]


def _at_least(start: Tensor, end: Tensor, length: Tensor) -> Tensor:
    bone = end - start
    now = bone.norm(dim=-1).clamp_min(1e-3)
    return start + bone * (torch.maximum(now, length) / now)[..., None]


def _torso_length(xy_J2: Tensor) -> Tensor:
    """Torso length in px, told by shoulders and thighs too where the torso is foreshortened."""
    neck, pelvis = _middle(xy_J2, 11, 12), _middle(xy_J2, 23, 24)
    thighs = torch.stack([(xy_J2[..., a, :] - xy_J2[..., b, :]).norm(dim=-1) for a, b in ((23, 25), (24, 26))])
    shoulders = (xy_J2[..., 11, :] - xy_J2[..., 12, :]).norm(dim=-1)
    told = torch.stack([(neck - pelvis).norm(dim=-1), 1.2 * shoulders, thighs.amax(0)])
    return told.nan_to_num(0).amax(0).clamp_min(1)


def _size_ratio(xy_J2: Tensor, reference_J2: Tensor) -> Tensor:
    """(B, T) size of the driving figure over the reference's: the middle half of the bones' ratios, averaged."""
    virtual = [torch.cat([p, _middle(p, 11, 12)[..., None, :], _middle(p, 23, 24)[..., None, :]], -2) for p in
               (xy_J2, reference_J2)]  # fmt: skip
    index = torch.tensor(_MEASURED, device=xy_J2.device)
    lengths = [(p[..., index[:, 0], :] - p[..., index[:, 1], :]).norm(dim=-1).clamp_min(1e-2) for p in virtual]
    ratios = (lengths[0] / lengths[1]).log()
    ordered = torch.where(ratios.isfinite(), ratios, torch.inf).sort(-1).values
    known = ordered.isfinite().sum(-1, keepdim=True)
    rank = torch.arange(ordered.shape[-1], device=xy_J2.device)
    middle = (rank >= known // 4) & (rank < known - known // 4)
    mean = torch.where(middle, ordered, 0.0).sum(-1) / middle.sum(-1).clamp_min(1)
    return mean.clamp(-1.5, 1.5).exp()


def _with_virtual(xy_J2: Tensor, unit: Tensor) -> Tensor:
    """Joints with neck, pelvis, chin, crown and palms appended."""
    neck, pelvis = _middle(xy_J2, 11, 12), _middle(xy_J2, 23, 24)
    ears, face = _middle(xy_J2, 7, 8), _middle(xy_J2, 2, 5) - _middle(xy_J2, 9, 10)
    up = _unit(_unit(face) + 0.5 * _unit(ears - neck))
    base, top = ears - up * _HEAD_DOWN * unit[..., None], ears + up * _HEAD_UP * unit[..., None]
    palms = [_middle(xy_J2, 17, 19), _middle(xy_J2, 18, 20)]
    return torch.cat([xy_J2, torch.stack([neck, pelvis, base, top, *palms], -2)], -2)


def _middle(xy_J2: Tensor, a: int, b: int) -> Tensor:
    return (xy_J2[..., a, :] + xy_J2[..., b, :]) / 2


def _unit(vector: Tensor) -> Tensor:
    return vector / vector.norm(dim=-1, keepdim=True).clamp_min(1e-6)
