"""A scene: everything a renderer needs, as arrays.

Shape suffixes: T frames, S moments of exposure per frame (odd; the middle one is the annotated moment), K elements,
J joints.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import F32, I64, U8, Bool
from transforms.synthesis.noise import F64

BACKGROUND = ("wall", "floor", "cutout", "near")
"""Kinds of elements that are ground: planes of the world at rest."""


@dataclass(frozen=True, slots=True)
class Puppet:
    """A person's joints on the screen at the annotated moments, skeleton blazepose_33.

    joints_TJ2: px. facing_TJ: on the side of the body towards the camera. carriers: per joint, the elements on
    which it can be seen.
    """

    joints_TJ2: F64
    facing_TJ: Bool
    carriers: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """K elements, each a premultiplied RGBA picture with a map to the screen for every moment.

    seed: what it was drawn from. size: side of the picture, px. pictures: (h, w, 4) uint8 each.
    kinds: of BACKGROUND, or object, shadow, person; one each. person_K: person's number or -1.
    mirrored_K: the picture goes on beyond its borders, reflected, and covers everything behind.
    transform_KTS33: picture px to screen px, homogeneous; centres of pixels at integers.
    order_TK: elements from back to front. shown_KT: drawn at all. gain_T3: light, factor per RGB channel.
    grain: deviation of luma noise, 0..255. crf: compression wished for. camera: of `schemas.scores.CAMERAS`.
    """

    seed: tuple[int, ...]
    size: int
    fps: Fraction
    pictures: tuple[U8, ...]
    kinds: tuple[str, ...]
    person_K: I64
    mirrored_K: Bool
    transform_KTS33: F64
    order_TK: I64
    shown_KT: Bool
    gain_T3: F32
    grain: float
    crf: int
    camera: str
    puppets: tuple[Puppet, ...]

    @property
    def frames(self) -> int:
        """Number of frames T."""
        return int(self.transform_KTS33.shape[1])

    @property
    def moments(self) -> int:
        """Moments of exposure per frame S."""
        return int(self.transform_KTS33.shape[2])

    @property
    def maps_KT33(self) -> F64:
        """Maps at the annotated moments."""
        return self.transform_KTS33[:, :, self.moments // 2]

    def boxes(self) -> NDArray[np.int64]:
        """(K, T, S, 4) x0, y0, x1, y1 of the part of the screen each element touches, ends exclusive."""
        corners = np.array([[(x, y, 1.0) for x in (-1, p.shape[1]) for y in (-1, p.shape[0])] for p in self.pictures])
        seen = np.einsum("ktsij,kcj->ktsci", self.transform_KTS33, corners)
        xy = seen[..., :2] / np.maximum(seen[..., 2:], 1e-3)
        box = np.concatenate([np.floor(xy.min(-2)), np.ceil(xy.max(-2)) + 1], -1)
        box[self.mirrored_K] = (0, 0, self.size, self.size)
        return np.asarray(np.clip(box, 0, self.size), np.int64)
