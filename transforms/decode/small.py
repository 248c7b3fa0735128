"""The small picture every cheap measure shares: shots, brightness, frozen frames."""

from __future__ import annotations

import cv2
import numpy as np

from schemas.arrays import U8
from transforms.decode.planes import Planes
from transforms.decode.scaling import halved, split

LONG_SIDE, SHORT_SIDE = 128, 72


class SmallPictures:
    """Makes small pictures of working frames: 128 x 72 px, or 72 x 128 for upright ones, whatever the aspect."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = (LONG_SIDE, SHORT_SIDE) if width >= height else (SHORT_SIDE, LONG_SIDE)

    def make(self, planes: Planes) -> U8:
        """(h * 3 // 2, w) planar YUV 4:2:0 picture of a working frame's planes."""
        small = np.empty((self.height * 3 // 2, self.width), np.uint8)
        targets = split(small.reshape(-1), self.width, self.height)
        luma = planes[0]
        while luma.shape[0] >= 2 * self.height and luma.shape[1] >= 2 * self.width:
            luma = halved(luma)
        cv2.resize(luma, (self.width, self.height), dst=targets[0], interpolation=cv2.INTER_LINEAR)
        half = (self.width // 2, self.height // 2)
        for plane, target in zip(planes[1:], targets[1:], strict=True):
            # Colour is smooth already, and only averages over it are used.
            cv2.resize(plane, half, dst=target, interpolation=cv2.INTER_LINEAR)
        return small
