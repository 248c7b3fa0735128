"""The part of the picture that a training window shows, and how pixels, places and masks go there.

Shape suffixes: H W source picture, h w training picture, J joints, ... any batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas.arrays import F32, U8, Bool
from schemas.skeletons import SKELETONS
from transforms.pixels import planes

_Value = TypeVar("_Value", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Crop:
    """left, top, width, height: px of the source picture, all even. out: width and height of the training picture.

    flipped: left and right are exchanged.
    """

    left: int
    top: int
    width: int
    height: int
    out: tuple[int, int]
    flipped: bool = False

    def picture(self, yuv_HW: U8) -> U8:
        """(h, w, 3) RGB of an I420 picture (H * 3 // 2, W)."""
        return self.cut_planes(*planes(yuv_HW))

    def cut_planes(self, y_HW: U8, u_HW: U8, v_HW: U8) -> U8:
        """The same of three planes, the last two of half the size; only what the crop shows is converted."""
        rows, columns = slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)
        half = slice(rows.start // 2, rows.stop // 2), slice(columns.start // 2, columns.stop // 2)
        chroma = np.stack([u_HW[half], v_HW[half]]).reshape(-1, self.width)
        i420 = np.concatenate([y_HW[rows, columns], chroma])
        return self._flip(_resized(np.asarray(cv2.cvtColor(i420, cv2.COLOR_YUV2RGB_I420), np.uint8), self.out))

    def mask(self, mask_HW: Bool) -> Bool:
        """(h, w): a pixel is inside where more than half of what it shows is."""
        part = mask_HW[self.top : self.top + self.height, self.left : self.left + self.width]
        # Decoded run lengths lie column by column; turned over, nothing has to be copied.
        grey_WH = part.T.view(np.uint8) * np.uint8(255)
        return self._flip((_resized(grey_WH, self.out[::-1]) > 127).T)

    def places(self, xy: F32) -> F32:
        """Places (..., 2), px with centres of pixels at integers."""
        scale = np.array(self.out, np.float32) / np.array([self.width, self.height], np.float32)
        moved = (xy - np.array([self.left, self.top], np.float32) + np.float32(0.5)) * scale - np.float32(0.5)
        if self.flipped:
            moved[..., 0] = self.out[0] - 1 - moved[..., 0]
        return np.asarray(moved, np.float32)

    def joints(self, xy_J2: F32, confidence_J: F32, skeleton: str) -> tuple[F32, F32]:
        """Joints (..., J, 2) and their confidences (..., J); a flip makes left joints right ones."""
        moved = self.places(xy_J2)
        if not self.flipped:
            return moved, confidence_J
        order = mirrored_joints(skeleton)
        return moved[..., order, :], confidence_J[..., order]

    def _flip(self, picture: NDArray[_Value]) -> NDArray[_Value]:
        return np.ascontiguousarray(picture[:, ::-1] if self.flipped else picture)


def _resized(picture: U8, out: tuple[int, int]) -> U8:
    """A picture at another width and height: halved while it is twice too large, then interpolated.

    Each halving averages exactly, which costs a tenth of averaging over the whole way at once.
    """
    while picture.shape[1] >= 2 * out[0] and picture.shape[0] >= 2 * out[1]:
        half = picture.shape[1] // 2, picture.shape[0] // 2
        picture = np.asarray(cv2.resize(picture, half, interpolation=cv2.INTER_AREA), np.uint8)
    if picture.shape[1::-1] == out:
        return picture
    return np.asarray(cv2.resize(picture, out, interpolation=cv2.INTER_LINEAR), np.uint8)


@cache
def mirrored_joints(skeleton: str) -> tuple[int, ...]:
    """For each joint the one on the other side of the body; itself where there is none."""
    names = SKELETONS[skeleton].joints
    swap = {"left": "right", "right": "left"}
    other = ["_".join(swap.get(word, word) for word in name.split("_")) for name in names]
    return tuple(names.index(name) for name in other)
