"""A picture that the networks look at: RGB, or a video's frame, of which only what they look at is converted.

Shape suffixes: H rows, W columns, S side of a crop.
"""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

import cv2
import numpy as np

from models.annotators.blazepose.roi import Roi
from models.annotators.pixels import rgb_frame
from schemas.arrays import F32, U8
from schemas.records import Frames

_BLACK = (16, 128, 128)
"""Y, U and V."""


class Picture(Protocol):
    """height, width: px."""

    height: int
    width: int

    @property
    def rgb_HW3(self) -> U8:
        """The whole picture."""
        ...

    def crop(self, roi: Roi, side: int) -> U8:
        """(S, S, 3) RGB of a region, made `side` px wide; black outside the picture."""
        ...


class RgbPicture:
    """A picture that is RGB already."""

    def __init__(self, rgb_HW3: U8) -> None:
        self.rgb_HW3 = rgb_HW3
        self.height, self.width = rgb_HW3.shape[:2]

    def crop(self, roi: Roi, side: int) -> U8:
        """As of `Picture`."""
        return np.asarray(cv2.warpAffine(self.rgb_HW3, roi.to_crop(side), (side, side)), np.uint8)


class FramePicture:
    """A frame of a clip."""

    def __init__(self, frames: Frames, index: int) -> None:
        self._frames, self._index = frames, index
        self.height, self.width = frames.height, frames.width

    @cached_property
    def rgb_HW3(self) -> U8:
        """The whole picture."""
        return rgb_frame(self._frames, self._index)

    def crop(self, roi: Roi, side: int) -> U8:
        """As of `Picture`; `side` is even. The planes are cut first: a crop has fewer pixels to convert."""
        cut = np.empty((side * 3 // 2, side), np.uint8)
        y_SS, chroma = cut[:side], cut[side:].reshape(2, side // 2, side // 2)
        to_crop = roi.to_crop(side)
        for source, target, way, black in zip(
            self._planes(), (y_SS, *chroma), (to_crop, *[_halved(to_crop)] * 2), _BLACK, strict=True
        ):
            cv2.warpAffine(source, way, target.shape, dst=target, borderValue=(black,))
        return np.asarray(cv2.cvtColor(cut, cv2.COLOR_YUV2RGB_I420), np.uint8)

    def _planes(self) -> tuple[U8, U8, U8]:
        """Views of Y, U and V."""
        yuv_HW, half = self._frames.yuv_THW[self._index], (self.height // 2, self.width // 2)
        u, v = yuv_HW[self.height :].reshape(2, *half)
        return yuv_HW[: self.height], u, v


def _halved(map_23: F32) -> F32:
    """An affine map of pixels as one of pixels of twice the size, centres at integers."""
    turn, shift = map_23[:, :2], map_23[:, 2]
    return np.column_stack([turn, (turn.sum(1) / 2 + shift - 0.5) / 2]).astype(np.float32)
