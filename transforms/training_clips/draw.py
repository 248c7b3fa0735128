"""What is drawn at random for a training window, all from one generator: frames, part of the picture, points.

Shape suffixes: W frames of the training window, F frames of the stored clip, J joints.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import F32, Bool
from schemas.errors import ConfigError
from schemas.records import Pose
from transforms.rasterising.selection import LEAST, MOST
from transforms.training_clips.crop import Crop


@dataclass(frozen=True, slots=True)
class ClipSettings:
    """What training windows are like: so many chained clips of so many frames, neighbours sharing one.

    width, height: px. strides: source frames from one frame to the next, drawn among those that fit. smallest_crop:
    least side of what is shown over the largest that fits. The rest are shares of all windows: flipped; without
    points; still, which means one frame shown all the time, so that points and a pose at rest are known too.
    """

    width: int
    height: int
    frames: int
    clips: int = 1
    strides: tuple[int, ...] = (1, 2)
    smallest_crop: float = 0.75
    flipped: float = 0.5
    without_points: float = 0.1
    still: float = 0.03

    def __post_init__(self) -> None:
        if self.frames < 2 or min(self.width, self.height) < 8:
            raise ConfigError(f"training clips have at least 2 frames of 8 px, not {self.frames} of {self.size}")
        if self.clips < 1:
            raise ConfigError(f"a window has at least one clip, not {self.clips}")
        if not self.strides or min(self.strides) < 1:
            raise ConfigError(f"strides are whole numbers from 1 up, not {self.strides}")
        shares = (self.smallest_crop, self.flipped, self.without_points, self.still)
        if not all(0 <= share <= 1 for share in shares) or self.smallest_crop == 0:
            raise ConfigError(f"shares and the smallest crop lie in 0..1, not {shares}")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, px."""
        return self.width, self.height

    @property
    def window(self) -> int:
        """Frames of a window."""
        return self.clips * (self.frames - 1) + 1

    @property
    def shortest(self) -> int:
        """Frames a stored clip must have: those of a window, and one other."""
        return max((self.window - 1) * min(self.strides) + 1, 2)


@dataclass(frozen=True, slots=True)
class Draw:
    """index_W: frames of the stored clip. other: another frame of it. points: at most so many, chosen by `seed`."""

    index_W: tuple[int, ...]
    other: int
    crop: Crop
    points: int
    seed: int


def draw_clip(rng: np.random.Generator, settings: ClipSettings, pose: Pose, size: tuple[int, int]) -> Draw:
    """A training window of a stored clip. pose: of its main person, who is kept in view. size: width and height, px.

    Raises ValueError for a stored clip shorter than `settings.shortest`.
    """
    index_W = _frames(rng, settings, pose.present_T)
    other = _other(rng, index_W, pose.present_T)
    crop = _crop(rng, settings, size, _box(pose.xy_TJ2[sorted(set(index_W))], size))
    points = 0 if rng.random() < settings.without_points else int(rng.integers(LEAST, MOST + 1))
    return Draw(index_W, other, crop, points, int(rng.integers(2**31)))


def _frames(rng: np.random.Generator, settings: ClipSettings, present_F: Bool) -> tuple[int, ...]:
    """Evenly spaced frames; the person is there in the first one, if ever."""
    count = settings.window
    fitting = [stride for stride in settings.strides if (count - 1) * stride < len(present_F)]
    if not fitting:
        raise ValueError(f"a stored clip of {len(present_F)} frames is too short; {settings.shortest} are needed")
    stride = int(rng.choice(fitting))
    start = _one_of(rng, present_F[: len(present_F) - (count - 1) * stride])
    return (start,) * count if rng.random() < settings.still else tuple(start + stride * t for t in range(count))


def _other(rng: np.random.Generator, index_W: tuple[int, ...], present_F: Bool) -> int:
    """A frame that the window does not show, with the person, as far as there is one."""
    other_F = np.ones(len(present_F), np.bool_)
    other_F[list(index_W)] = False
    if not other_F.any():
        other_F[list(index_W[1:])] = True
    candidates = np.flatnonzero(other_F & present_F if (other_F & present_F).any() else other_F)
    return int(rng.choice(candidates))


def _one_of(rng: np.random.Generator, wanted: Bool) -> int:
    """An index of the wanted ones; of all where none is."""
    return int(rng.choice(np.flatnonzero(wanted) if wanted.any() else len(wanted)))


def _crop(
    rng: np.random.Generator, settings: ClipSettings, size: tuple[int, int], box: NDArray[np.float64] | None
) -> Crop:
    """The largest crop of the right shape, shrunk and moved at random, with as much of the box as can be."""
    largest = min(size[0] / settings.width, size[1] / settings.height)
    scale = largest * rng.uniform(settings.smallest_crop, 1.0)
    sides = [max(2, 2 * int(scale * side / 2)) for side in settings.size]
    starts = []
    for axis in range(2):
        room = size[axis] - sides[axis]
        low, high = 0.0, float(room)
        if box is not None:
            ends = sorted((box[0, axis], box[1, axis] - sides[axis]))
            low, high = (float(np.clip(end, 0, room)) for end in ends)
        starts.append(2 * int(rng.uniform(low, high) / 2))
    return Crop(starts[0], starts[1], sides[0], sides[1], settings.size, bool(rng.random() < settings.flipped))


def _box(xy_FJ2: F32, size: tuple[int, int]) -> NDArray[np.float64] | None:
    """(2, 2) low and high corner of the joints in the picture; None where there are none."""
    known = xy_FJ2[np.isfinite(xy_FJ2).all(-1)]
    if not len(known):
        return None
    return np.clip(np.stack([known.min(0), known.max(0)]).astype(np.float64), 0, size)
