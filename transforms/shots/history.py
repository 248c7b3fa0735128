"""The last small pictures, kept for detectors that look back."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import cv2
import numpy as np

from schemas.arrays import F32, U8
from transforms.decode.scaling import halved


@dataclass(frozen=True, slots=True)
class Look:
    """One frame as the shot detectors see it.

    luma: (h, w) of the small picture. half: (h / 2 * 3 / 2, w / 2) planar YUV 4:2:0.
    coarse: (h / 4 * w / 4,) luma, for what must not mind motion.
    """

    tick: int
    luma: U8
    half: U8
    coarse: F32


def look_at(tick: int, small: U8) -> Look:
    """The views the detectors share, of one small picture (h * 3 / 2, w)."""
    height, width = small.shape[0] * 2 // 3, small.shape[1]
    luma = small[:height]
    half = np.empty((height * 3 // 4, width // 2), np.uint8)
    cv2.resize(luma, (width // 2, height // 2), dst=half[: height // 2], interpolation=cv2.INTER_AREA)
    # U and V lie side by side in memory, each as rows of w / 2: halved alike they stay so.
    chroma = small[height:].reshape(height, width // 2)
    half[height // 2 :] = halved(chroma).reshape(height // 4, width // 2)
    coarse = halved(half[: height // 2]).reshape(-1).astype(np.float32)
    return Look(tick, luma, half, coarse)


class History:
    """Looks of the last ticks, at most `ticks` of them, found by tick. Ticks rise but may skip."""

    def __init__(self, ticks: int) -> None:
        self._size = ticks
        self._ticks: list[int] = []
        self._looks: list[Look] = []

    def push(self, look: Look) -> None:
        """Add the newest."""
        if len(self._ticks) >= self._size:
            del self._ticks[0], self._looks[0]
        self._ticks.append(look.tick)
        self._looks.append(look)

    def at_or_after(self, tick: int) -> Look:
        """The look at a tick, or the nearest there is, later rather than earlier."""
        return self._looks[min(bisect_left(self._ticks, tick), len(self._looks) - 1)]

    def before(self, tick: int) -> Look:
        """The last look before a tick, or the oldest."""
        return self._looks[max(0, bisect_left(self._ticks, tick) - 1)]

    def since(self, tick: int) -> list[Look]:
        """All looks from a tick on."""
        return self._looks[bisect_left(self._ticks, tick) :]
