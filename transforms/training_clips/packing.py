"""Windows stacked into a batch of bytes, which is what leaves a worker, and as the floats that training takes.

Bytes are a quarter of the floats: they cross to this process and to the GPU, and become floats there.
Shape suffixes: B batch, W frames, H rows, Q columns. Import this module only where torch is installed.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from models.generator.training.batch import ClipPoints, TrainingBatch
from transforms.rasterising.selection import MOST
from transforms.training_clips.cut import Room, TrainingWindow

_MOST_ROOMS = 8
"""That are kept to be written again: more than lie between a worker and the training."""


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """frames_BWHQ3, other_BHQ3: uint8 RGB. figure_BWHQ, people_BWHQ: bool. The rest as in `TrainingBatch`.

    in_use: one bool, of the room that the pictures lie in, if they lie in one.
    """

    frames_BWHQ3: Tensor
    other_BHQ3: Tensor
    figure_BWHQ: Tensor
    people_BWHQ: Tensor
    pose_BWJ2: Tensor
    confidence_BWJ: Tensor
    points: tuple[ClipPoints, ...]
    skeleton: str
    clip_ids: tuple[str, ...]
    in_use: Tensor | None = None

    def release(self) -> None:
        """The pictures are needed no longer; another batch may be written over them."""
        if self.in_use is not None:
            self.in_use.fill_(False)

    def unpack(self, device: torch.device | str = "cpu") -> TrainingBatch:
        """The batch on a device, as floats."""
        return TrainingBatch(
            frames_BW3HW=_floats(self.frames_BWHQ3.to(device)),
            figure_BW1HW=self.figure_BWHQ.to(device).float()[:, :, None],
            people_BW1HW=self.people_BWHQ.to(device).float()[:, :, None],
            pose_BWJ2=self.pose_BWJ2.to(device),
            confidence_BWJ=self.confidence_BWJ.to(device),
            points=tuple(
                ClipPoints(p.xy_BTN2.to(device), p.visible_BTN.to(device), p.ids_BN.to(device)) for p in self.points
            ),
            other_B3HW=_floats(self.other_BHQ3.to(device)),
            skeleton=self.skeleton,
        )


@dataclass(frozen=True, slots=True)
class BatchRoom:
    """Where the pictures of a batch are written, window by window: its tensors of these names, not filled yet.

    in_use: one bool, seen by all who see the pictures.
    """

    frames_BWHQ3: Tensor
    other_BHQ3: Tensor
    figure_BWHQ: Tensor
    people_BWHQ: Tensor
    in_use: Tensor

    @classmethod
    def of(cls, windows: int, frames: int, size: tuple[int, int], *, shared: bool = False) -> BatchRoom:
        """Room for windows of so many frames. size: width and height, px.

        shared: in memory that other processes see, so that sending the batch to one copies nothing.
        """
        shape = windows, frames, size[1], size[0]
        still = windows, *shape[2:]
        return cls(
            _empty((*shape, 3), torch.uint8, shared),
            _empty((*still, 3), torch.uint8, shared),
            _empty(shape, torch.bool, shared),
            _empty(shape, torch.bool, shared),
            _empty((1,), torch.bool, shared).fill_(False),
        )

    def window(self, index: int) -> Room:
        """The room of one window, as arrays."""
        return Room(
            self.frames_BWHQ3[index].numpy(),
            self.other_BHQ3[index].numpy(),
            self.figure_BWHQ[index].numpy(),
            self.people_BWHQ[index].numpy(),
        )


@dataclass(slots=True)
class Rooms:
    """Rooms that are written again once their batch was released: fresh memory costs a fault every four kilobytes.

    make: an empty room. A batch that nobody releases keeps its room, and another room is made.
    """

    make: Callable[[], BatchRoom]
    _rooms: deque[BatchRoom] = field(default_factory=lambda: deque(maxlen=_MOST_ROOMS))

    def take(self) -> BatchRoom:
        """A room that is not in use, now in use."""
        room = next((room for room in self._rooms if not room.in_use), None)
        if room is None:
            room = self.make()
            self._rooms.append(room)
        room.in_use.fill_(True)
        return room


def pack(windows: Sequence[TrainingWindow], room: BatchRoom | None = None) -> PackedBatch:
    """Windows of one shape as a batch; every clip has room for the most points there can be.

    room: where the windows were cut to; without it they are copied. Raises ValueError where their skeletons differ.
    """
    skeletons = {window.skeleton for window in windows}
    if len(skeletons) != 1:
        raise ValueError(f"windows of one batch have several skeletons: {', '.join(sorted(skeletons))}")
    return PackedBatch(
        frames_BWHQ3=_stack([window.frames_WHQ3 for window in windows]) if room is None else room.frames_BWHQ3,
        other_BHQ3=_stack([window.other_HQ3 for window in windows]) if room is None else room.other_BHQ3,
        figure_BWHQ=_stack([window.figure_WHQ for window in windows]) if room is None else room.figure_BWHQ,
        people_BWHQ=_stack([window.people_WHQ for window in windows]) if room is None else room.people_BWHQ,
        pose_BWJ2=_stack([window.xy_WJ2 for window in windows]),
        confidence_BWJ=_stack([window.confidence_WJ for window in windows]),
        points=tuple(_points(windows, clip) for clip in range(len(windows[0].points))),
        skeleton=skeletons.pop(),
        clip_ids=tuple(window.clip_id for window in windows),
        in_use=None if room is None else room.in_use,
    )


def _points(windows: Sequence[TrainingWindow], clip: int) -> ClipPoints:
    points = [window.points[clip] for window in windows]
    missing = [MOST - len(p.ids_N) for p in points]
    pairs = list(zip(points, missing, strict=True))
    return ClipPoints(
        _stack([np.pad(p.xy_TN2, ((0, 0), (0, n), (0, 0))) for p, n in pairs]),
        _stack([np.pad(p.visible_TN, ((0, 0), (0, n))) for p, n in pairs]),
        _stack([np.pad(p.ids_N, (0, n), constant_values=-1) for p, n in pairs]),
    )


def _stack(arrays: Sequence[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(arrays))


def _empty(shape: tuple[int, ...], dtype: torch.dtype, shared: bool) -> Tensor:
    if not shared:
        return torch.empty(shape, dtype=dtype)
    storage: torch.UntypedStorage = torch.UntypedStorage._new_shared(math.prod(shape) * dtype.itemsize)
    return torch.empty(0, dtype=dtype).set_(storage).view(shape)


def _floats(pixels: Tensor) -> Tensor:
    """uint8 (..., H, Q, 3) to floats (..., 3, H, Q) in -1..1."""
    return pixels.movedim(-1, -3).float().div_(127.5).sub_(1)
