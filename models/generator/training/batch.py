"""What training is fed: windows of video with exact or annotated motion, whatever they come from.

A window is one video's frames on one clock (already cropped, strided and flipped alike). It holds one clip or several
that are chained: clip k covers frames k * (T - 1) to k * (T - 1) + T - 1, so neighbours share a frame, and the window
has clips * (T - 1) + 1 frames. Frame 0 of the window is the reference.

Any iterable of `TrainingBatch` trains. Shape suffixes: B batch, W frames of the window, T frames of a clip,
N points, J joints, H rows, W columns (last). Coordinates: px of the cropped picture, centres of pixels at integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from schemas.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ClipPoints:
    """The background points that drive one clip, as `rasterising.selection.choose_points` chooses them.

    xy_BTN2: float32 px; values that are not visible are not used. visible_BTN: bool, seen and not on a person.
    ids_BN: int64, identity of the point in its video, the same in every clip of the window; -1 fills up the batch.
    A clip whose ground is not driven has no visible point; N may be 0.
    """

    xy_BTN2: Tensor
    visible_BTN: Tensor
    ids_BN: Tensor


@dataclass(frozen=True, slots=True)
class TrainingBatch:
    """Windows of several videos.

    frames_BW3HW: float32 in -1..1. figure_BW1HW: 0 or 1, the person who is driven. people_BW1HW: 0 or 1, everyone.
    pose_BWJ2: float32 px of that person, NaN where missing. confidence_BWJ: 0..1.
    points: one per clip of the window, in order. other_B3HW: another frame of the same video in -1..1, best from
    outside the window, for the global feature. skeleton: name of the joints' skeleton (`schemas.skeletons`).
    """

    frames_BW3HW: Tensor
    figure_BW1HW: Tensor
    people_BW1HW: Tensor
    pose_BWJ2: Tensor
    confidence_BWJ: Tensor
    points: tuple[ClipPoints, ...]
    other_B3HW: Tensor
    skeleton: str

    @property
    def clip_frames(self) -> int:
        """T: frames of each clip."""
        return int(self.points[0].xy_BTN2.shape[1])

    def clip_slice(self, clip: int) -> slice:
        """The frames of the window that a clip covers."""
        start = clip * (self.clip_frames - 1)
        return slice(start, start + self.clip_frames)

    def check(self) -> None:
        """Raise ConfigError where lengths or sizes don't fit together."""
        window = len(self.points) * (self.clip_frames - 1) + 1
        shapes = {name: tuple(tensor.shape) for name, tensor in _tensors(self).items()}
        batch, _, _, height, width = shapes["frames_BW3HW"]
        joints = shapes["confidence_BWJ"][-1]
        wanted = {
            "frames_BW3HW": (batch, window, 3, height, width),
            "figure_BW1HW": (batch, window, 1, height, width),
            "people_BW1HW": (batch, window, 1, height, width),
            "pose_BWJ2": (batch, window, joints, 2),
            "confidence_BWJ": (batch, window, joints),
            "other_B3HW": (batch, 3, height, width),
        }
        wrong = [f"{name} is {shapes[name]}, not {shape}" for name, shape in wanted.items() if shapes[name] != shape]
        if wrong:
            raise ConfigError(f"a training batch of {len(self.points)} clips does not fit together: {'; '.join(wrong)}")

    def to(self, device: torch.device | str) -> TrainingBatch:
        """The same on a device."""
        moved: dict[str, Any] = {name: tensor.to(device) for name, tensor in _tensors(self).items()}
        points = tuple(
            ClipPoints(p.xy_BTN2.to(device), p.visible_BTN.to(device), p.ids_BN.to(device)) for p in self.points
        )
        return replace(self, **moved, points=points)


def collate(windows: Sequence[TrainingBatch]) -> TrainingBatch:
    """One batch of several; points are filled up to the largest number with ones nobody sees."""
    first = windows[0]
    joined: dict[str, Any] = {
        name: torch.cat([getattr(window, name) for window in windows]) for name in _tensors(first)
    }
    points = tuple(_collate_points(each) for each in zip(*(window.points for window in windows), strict=True))
    return replace(first, **joined, points=points)


def _tensors(batch: TrainingBatch) -> dict[str, Tensor]:
    values = {field.name: getattr(batch, field.name) for field in fields(batch)}
    return {name: value for name, value in values.items() if isinstance(value, Tensor)}


def _collate_points(points: Sequence[ClipPoints]) -> ClipPoints:
    most = max(p.ids_BN.shape[1] for p in points)
    xy, visible, ids = [], [], []
    for p in points:
        missing = most - p.ids_BN.shape[1]
        xy.append(torch.nn.functional.pad(p.xy_BTN2, (0, 0, 0, missing)))
        visible.append(torch.nn.functional.pad(p.visible_BTN, (0, missing)))
        ids.append(torch.nn.functional.pad(p.ids_BN, (0, missing), value=-1))
    return ClipPoints(torch.cat(xy), torch.cat(visible), torch.cat(ids))
