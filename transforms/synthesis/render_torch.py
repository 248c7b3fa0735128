"""The renderer in torch: many scenes at once, on a GPU or a CPU, for training on the fly.

Shape suffixes: B scenes, T frames, S moments, K elements (padded to the largest scene), H rows, W columns.
Import this module only where torch is installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from schemas.arrays import I64
from transforms.synthesis.atlas import pack
from transforms.synthesis.scene import Scene

_HALF = 0.5
_NOWHERE = -8.0


@dataclass(frozen=True, slots=True)
class Rendered:
    """rgb_BT3HW: float32 in 0..1, light and motion blur included, no grain. labels_BTHW: uint8, as by `render`."""

    rgb_BT3HW: Tensor
    labels_BTHW: Tensor


def render_batch(scenes: Sequence[Scene], device: torch.device | str = "cpu") -> Rendered:
    """Render scenes of one size and length. Raises ValueError if they differ in either."""
    if len({(scene.size, scene.frames) for scene in scenes}) != 1:
        raise ValueError("scenes of one batch must have one size and one number of frames")
    side, frames = scenes[0].size, scenes[0].frames
    rgb = torch.empty((len(scenes), frames, 3, side, side), device=device)
    labels = torch.empty((len(scenes), frames, side, side), dtype=torch.uint8, device=device)
    for moments in sorted({scene.moments for scene in scenes}):
        chosen = [b for b, scene in enumerate(scenes) if scene.moments == moments]
        batch = _Batch([scenes[b] for b in chosen], device)
        total = sum((batch.expose(moment) for moment in range(moments)), torch.zeros((), device=device)) / moments
        rgb[chosen] = (total * batch.gain_BT311).clamp(0, 1)
        labels[chosen] = batch.label_BTHW
    return Rendered(rgb, labels)


class _Batch:
    """Scenes with one number of moments, as tensors on the device."""

    def __init__(self, scenes: Sequence[Scene], device: torch.device | str) -> None:
        self._side, self._frames, self._moments = scenes[0].size, scenes[0].frames, scenes[0].moments
        elements = max(len(scene.kinds) for scene in scenes)
        packed = [pack(scene.pictures, scene.mirrored_K) for scene in scenes]

        def put(values: np.ndarray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(values)).to(device)

        self._atlas_B4HW = put(_stack([atlas for atlas, _ in packed])).permute(0, 3, 1, 2).float() / 255
        self._place_BK4 = put(_stack([place for _, place in packed])).float()
        self._mirrored_BK = put(_stack([scene.mirrored_K for scene in scenes]))
        self._shadow_BK = put(_stack([np.array([k == "shadow" for k in scene.kinds]) for scene in scenes]))
        self._person_BK = put(_stack([scene.person_K + 1 for scene in scenes])) - 1
        self._shown_BKT = put(_stack([scene.shown_KT for scene in scenes]))
        self._order_BTK = put(np.stack([_padded_order(scene.order_TK, elements) for scene in scenes]))
        inverse = [np.linalg.inv(scene.transform_KTS33).astype(np.float32) for scene in scenes]
        self._inverse_BKTS33 = put(_stack(inverse))
        self.gain_BT311 = put(np.stack([scene.gain_T3 for scene in scenes]))[..., None, None]
        self.label_BTHW = torch.zeros((len(scenes), self._frames, self._side, self._side), device=device).byte()
        axis = torch.arange(self._side, device=device, dtype=torch.float32)
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        self._screen_HW3 = torch.stack([x, y, torch.ones_like(x)], -1)

    def expose(self, moment: int) -> Tensor:
        """(B, T, 3, H, W) picture of one moment; sets `label_BTHW` at the middle one."""
        canvas = torch.zeros((len(self._order_BTK), self._frames, 4, self._side, self._side), device=self._device)
        labels = _Labels(self.label_BTHW) if moment == self._moments // 2 else None
        for step in range(self._order_BTK.shape[-1]):
            element_BT = self._order_BTK[..., step]
            sprite = self._sample(element_BT, moment)
            canvas = sprite + canvas * (1 - sprite[:, :, 3:])
            if labels is not None:
                cover = sprite[:, :, 3] * ~self._of(self._shadow_BK, element_BT)[..., None, None]
                labels.lay(element_BT, self._of(self._person_BK, element_BT), cover)
        if labels is not None:
            self.label_BTHW = labels.close()
        return canvas[:, :, :3]

    @property
    def _device(self) -> torch.device:
        return self._atlas_B4HW.device

    def _of(self, values_BK: Tensor, element_BT: Tensor) -> Tensor:
        """Values of the element each frame draws: (B, K, ...) to (B, T, ...)."""
        batch = torch.arange(len(values_BK), device=self._device)[:, None]
        return values_BK[batch, element_BT]

    def _sample(self, element_BT: Tensor, moment: int) -> Tensor:
        """(B, T, 4, H, W) premultiplied RGBA of one element per scene and frame, laid on the screen."""
        batch = torch.arange(len(element_BT), device=self._device)[:, None]
        frame = torch.arange(self._frames, device=self._device)[None]
        inverse_BT33 = self._inverse_BKTS33[batch, element_BT, frame, moment]
        shown_BT = self._shown_BKT[batch, element_BT, frame]
        uvw = torch.einsum("btij,hwj->bthwi", inverse_BT33, self._screen_HW3)
        drawn = (uvw[..., 2:].abs() > 1e-9) & shown_BT[..., None, None, None]
        uv = torch.where(drawn, uvw[..., :2] / uvw[..., 2:], _NOWHERE)
        place_BT4 = self._of(self._place_BK4, element_BT)[:, :, None, None]
        extent = place_BT4[..., 2:]
        wrapped = torch.remainder(uv + 0.5, 2 * extent)
        reflected = torch.minimum(wrapped, 2 * extent - wrapped) - 0.5
        mirrored = self._of(self._mirrored_BK, element_BT)[..., None, None, None]
        uv = torch.where(mirrored, reflected, torch.minimum(uv.clamp_min(-1.0), extent)) + place_BT4[..., :2]
        return self._look_up(uv)

    def _look_up(self, uv_BTHW2: Tensor) -> Tensor:
        """(B, T, 4, H, W) bilinear samples of the atlases at px coordinates."""
        scenes, frames, side = uv_BTHW2.shape[:3]
        height, width = self._atlas_B4HW.shape[2:]
        scale = torch.tensor([width, height], device=self._device, dtype=torch.float32)
        grid = ((2 * uv_BTHW2 + 1) / scale - 1).reshape(scenes, frames * side, side, 2)
        found = F.grid_sample(self._atlas_B4HW, grid, align_corners=False, padding_mode="zeros")
        return found.reshape(scenes, 4, frames, side, side).transpose(1, 2)


class _Labels:
    """The element seen at each pixel: one that covers most of it, or the last of a person's parts that do together."""

    def __init__(self, label_BTHW: Tensor) -> None:
        self._label = label_BTHW
        self._owner = torch.full_like(label_BTHW, -1, dtype=torch.int64)
        self._gap = torch.ones_like(label_BTHW, dtype=torch.float32)
        self._person = torch.full_like(label_BTHW[:, :, :1, :1], -1, dtype=torch.int64)
        self._last = torch.zeros_like(self._person)

    def lay(self, element_BT: Tensor, person_BT: Tensor, cover_BTHW: Tensor) -> None:
        """One element per scene and frame comes on top."""
        element, person = element_BT[..., None, None], person_BT[..., None, None]
        another = person != self._person
        self._close(another)
        self._gap = torch.where(another, 1.0, self._gap) * (1 - cover_BTHW)
        seen = cover_BTHW > _HALF
        self._label = torch.where(seen, element.byte(), self._label)
        self._owner = torch.where(seen, person, self._owner)
        self._last = torch.where((cover_BTHW > 0).any(-1).any(-1)[..., None, None] | another, element, self._last)
        self._person = person

    def close(self) -> Tensor:
        """(B, T, H, W) uint8 labels."""
        self._close(torch.ones_like(self._person, dtype=torch.bool))
        return self._label

    def _close(self, ended: Tensor) -> None:
        seam = ended & (self._person >= 0) & (self._gap < _HALF) & (self._owner != self._person)
        self._label = torch.where(seam, self._last.byte(), self._label)
        self._owner = torch.where(seam, self._person, self._owner)


def _stack(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Stack arrays of different shapes, each filled up with zeros at its far ends."""
    shape = np.max([array.shape for array in arrays], axis=0)
    stacked = np.zeros((len(arrays), *shape), arrays[0].dtype)
    for into, array in zip(stacked, arrays, strict=True):
        into[tuple(slice(n) for n in array.shape)] = array
    return stacked


def _padded_order(order_TK: I64, elements: int) -> I64:
    """The order with indices of missing elements, which are not shown, at the end."""
    frames, own = order_TK.shape
    rest = np.broadcast_to(np.arange(own, elements), (frames, elements - own))
    return np.concatenate([order_TK, rest], axis=1)
