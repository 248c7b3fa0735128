"""The renderer on a CPU: a scene's frames, and for every pixel the element seen there."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas.arrays import F32, I64, U8
from schemas.records import Frames
from transforms.synthesis.grain import grain_of, grain_place
from transforms.synthesis.noise import F64
from transforms.synthesis.scene import BACKGROUND, Scene

_INVERSE = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
_HALF = 127
"""What covers more than this of 255 is what is seen at a pixel: an element, or the parts of a person together."""


def render(scene: Scene) -> tuple[Frames, U8]:
    """Frames of a scene, and its labels (T, H, W) uint8: the index of the element seen at each pixel."""
    side, count = scene.size, scene.frames
    yuv, labels = np.empty((count, side * 3 // 2, side), np.uint8), np.empty((count, side, side), np.uint8)
    grain = grain_of(scene)
    for frame, (rgba, label) in enumerate(pictures(scene)):
        cv2.cvtColor(rgba, cv2.COLOR_RGBA2YUV_I420, dst=yuv[frame])
        labels[frame] = label
        if scene.grain:
            _add_grain(yuv[frame, :side], grain, frame)
    ticks = np.arange(count, dtype=np.int64)
    frames = Frames(yuv, ticks, ticks, 1 / Fraction(scene.fps), Fraction(scene.fps), matrix="smpte170m")
    return frames, labels


def pictures(scene: Scene) -> Iterator[tuple[U8, U8]]:
    """(H, W, 4) RGBA picture (alpha full) and (H, W) labels of every frame, light and motion blur included.

    The arrays are used again for the next frame.
    """
    inverse: F64 = np.asarray(np.linalg.inv(scene.transform_KTS33), np.float64)
    painter = _Painter(scene, inverse, scene.boxes())
    for frame in range(scene.frames):
        yield _lit(painter.expose(frame), scene.gain_T3[frame]), painter.label


class _Painter:
    """Draws the moments of a scene's frames into one canvas. inverse_KTS33: screen px to picture px."""

    def __init__(self, scene: Scene, inverse_KTS33: F64, box_KTS4: I64) -> None:
        self._scene, self._inverse, self._box = scene, inverse_KTS33, box_KTS4
        self._canvas = np.empty((scene.size, scene.size, 4), np.uint8)
        self.label = np.empty((scene.size, scene.size), np.uint8)
        self._gap = np.empty_like(self.label)
        self._owner = np.full(256, -1, np.int64)
        self._owner[: len(scene.person_K)] = scene.person_K

    def expose(self, frame: int) -> U8:
        """The mean picture over the moments of a frame; sets `label` at its middle moment."""
        moments = self._scene.moments
        if moments == 1:
            self._compose(frame, 0, labelled=True)
            return self._canvas
        total = np.zeros(self._canvas.shape, np.float32)
        for moment in range(moments):
            self._compose(frame, moment, labelled=moment == moments // 2)
            cv2.accumulate(self._canvas, total)
        return np.asarray(cv2.convertScaleAbs(total, alpha=1 / moments), np.uint8)

    def _compose(self, frame: int, moment: int, *, labelled: bool) -> None:
        """Draw every element over the last, from back to front."""
        last = -1
        for k in self._scene.order_TK[frame].tolist():
            box = self._box[k, frame, moment].tolist()
            if not self._scene.shown_KT[k, frame] or box[2] <= box[0] or box[3] <= box[1]:
                continue
            if labelled and self._owner[k] != self._owner[last]:
                self._close_seams(last)
            last = k
            if self._scene.mirrored_K[k]:
                self._fill(k, self._inverse[k, frame, moment], labelled=labelled)
            else:
                self._lay(k, self._inverse[k, frame, moment], box, labelled=labelled)
        if labelled:
            self._close_seams(last)

    def _close_seams(self, last: int) -> None:
        """Where parts of a person cover a pixel together and none alone, the last of them is seen. Begin the next."""
        person = self._owner[last]
        if person >= 0:
            owner = cv2.LUT(self.label, self._owner.astype(np.uint8))
            self.label[(self._gap < 255 - _HALF) & (owner != person)] = last
        self._gap.fill(255)

    def _fill(self, k: int, inverse_33: F64, *, labelled: bool) -> None:
        picture, side = self._scene.pictures[k], (self._scene.size, self._scene.size)
        cv2.warpPerspective(picture, inverse_33, side, self._canvas, _INVERSE, cv2.BORDER_REFLECT)
        if labelled:
            self.label[:] = k

    def _lay(self, k: int, inverse_33: F64, box: list[int], *, labelled: bool) -> None:
        x0, y0, x1, y1 = box
        kind = self._scene.kinds[k]
        sprite = _warp(self._scene.pictures[k], inverse_33, box, flat=kind not in BACKGROUND)
        region, coverage = self._canvas[y0:y1, x0:x1], cv2.extractChannel(sprite, 3)
        through = cv2.bitwise_not(coverage)
        cv2.multiply(region, cv2.cvtColor(through, cv2.COLOR_GRAY2RGBA), dst=region, scale=1 / 255)
        cv2.add(region, sprite, dst=region)
        if labelled and kind != "shadow":
            self.label[y0:y1, x0:x1][np.greater(coverage, _HALF)] = k
            gap = self._gap[y0:y1, x0:x1]
            cv2.multiply(gap, through, dst=gap, scale=1 / 255)


def _warp(picture: U8, inverse_33: F64, box: list[int], *, flat: bool) -> U8:
    """The part of a moved picture inside a box of the screen. flat: the map is affine."""
    x0, y0, x1, y1 = box
    moved = inverse_33.copy()
    moved[:, 2] += inverse_33[:, :2] @ (x0, y0)
    if flat:
        return np.asarray(cv2.warpAffine(picture, moved[:2], (x1 - x0, y1 - y0), flags=_INVERSE), np.uint8)
    return np.asarray(cv2.warpPerspective(picture, moved, (x1 - x0, y1 - y0), flags=_INVERSE), np.uint8)


def _lit(picture: U8, gain_3: F32) -> U8:
    if np.all(gain_3 == 1):
        return picture
    gain = np.append(gain_3, 1).astype(np.float64)
    return np.asarray(cv2.multiply(picture, gain), np.uint8)


def _add_grain(luma_HW: U8, grain: NDArray[np.int16], frame: int) -> None:
    x, y = grain_place(frame)
    cv2.add(luma_HW, grain[y : y + len(luma_HW), x : x + len(luma_HW)], dst=luma_HW, dtype=cv2.CV_8U)
