"""Scenes as a player shows their videos, rendered in torch: grain, 8 bits, and half the resolution of colour.

Shape suffixes: B scenes, T frames, H rows, W columns. Import this module only where torch is installed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from schemas.arrays import U8
from transforms.synthesis.grain import grain_of, grain_place
from transforms.synthesis.render_torch import render_batch
from transforms.synthesis.scene import Scene

_AT_ONCE_PX = 2**24
"""Pixels of frames that are rendered together; the renderer needs about a hundred bytes for each."""
_YUV_OF_RGB = ((0.257, 0.504, 0.098), (-0.148, -0.291, 0.439), (0.439, -0.368, -0.071))
_BLACK = (16.0, 128.0, 128.0)


def videos(scenes: Sequence[Scene], device: torch.device | str) -> Iterator[tuple[Tensor, U8]]:
    """Per scene, in order: frames (T, 3, H, W) on the device, whole numbers 0..255 as floats; labels (T, H, W).

    As `render.render` and `pixels.rgb` make them together, to a few levels. Scenes of one length are rendered together.
    """
    found: dict[int, tuple[Tensor, U8]] = {}
    for numbers in _groups(scenes):
        chosen = [scenes[number] for number in numbers]
        rendered = render_batch(chosen, device)
        shown = as_shown(rendered.rgb_BT3HW * 255, _grains(chosen, device))
        labels = rendered.labels_BTHW.cpu().numpy()
        found |= {number: (shown[row], labels[row]) for row, number in enumerate(numbers)}
    return (found[number] for number in range(len(scenes)))


def as_shown(rgb_BT3HW: Tensor, grain_BT1HW: Tensor) -> Tensor:
    """RGB 0..255 after planar YUV 4:2:0, ITU-R BT.601 of limited range, with grain in the luma.

    The colour of each two by two pixels is that of the first, as OpenCV has it. H and W are even.
    """
    matrix = torch.tensor(_YUV_OF_RGB, device=rgb_BT3HW.device)
    yuv = torch.einsum("ij,btjhw->btihw", matrix, rgb_BT3HW) + rgb_BT3HW.new_tensor(_BLACK).view(3, 1, 1)
    yuv = yuv.round().clamp(0, 255)
    luma = (yuv[:, :, :1] + grain_BT1HW).clamp(0, 255)
    colour = yuv[:, :, 1:, ::2, ::2].repeat_interleave(2, -2).repeat_interleave(2, -1)
    back = torch.linalg.inv(matrix)
    full = torch.cat([(luma - _BLACK[0]).clamp_min(0), colour - _BLACK[1]], 2)
    return torch.einsum("ij,btjhw->btihw", back, full).round().clamp(0, 255)


def _grains(scenes: Sequence[Scene], device: torch.device | str) -> Tensor:
    grains = torch.stack([torch.from_numpy(grain_of(scene)) for scene in scenes]).float().to(device)
    side = scenes[0].size
    places = [grain_place(frame) for frame in range(scenes[0].frames)]
    return torch.stack([grains[:, y : y + side, x : x + side] for x, y in places], 1)[:, :, None]


def _groups(scenes: Sequence[Scene]) -> Iterator[list[int]]:
    """Numbers of scenes of one length, no more than are rendered together."""
    for frames in sorted({scene.frames for scene in scenes}):
        numbers = [number for number, scene in enumerate(scenes) if scene.frames == frames]
        most = max(1, _AT_ONCE_PX // (frames * scenes[0].size ** 2))
        for start in range(0, len(numbers), most):
            yield numbers[start : start + most]
