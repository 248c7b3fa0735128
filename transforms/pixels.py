"""Views and conversions of planar YUV 4:2:0 frames. RGB is what a player shows: each frame's own matrix is undone."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas.arrays import U8
from schemas.records import Frames


def _affine(*rows: list[float]) -> NDArray[np.float64]:
    of_yuv = np.array(rows)
    return np.column_stack([of_yuv, -of_yuv @ [16, 128, 128]])


RGB_OF_YUV = {
    "smpte170m": _affine([1.164, 0.0, 1.596], [1.164, -0.391, -0.813], [1.164, 2.018, 0.0]),
    "bt709": _affine([1.164, 0.0, 1.793], [1.164, -0.213, -0.533], [1.164, 2.112, 0.0]),
}
"""(3, 4) by the name of the matrix: rows of R, G and B over Y, U, V and 1, all limited range (ITU-R BT.601, BT.709)."""
MATRIX_OF_RGB = "smpte170m"
"""Of frames made of RGB: OpenCV converts I420 by no other."""


def planes(yuv_HW: U8) -> tuple[U8, U8, U8]:
    """Y (H, W), U and V (H/2, W/2) of one I420 frame stored as (H * 3 // 2, W). No copy of contiguous frames."""
    height, width = yuv_HW.shape[0] * 2 // 3, yuv_HW.shape[1]
    chroma = yuv_HW[height:].reshape(2, height // 2, width // 2)
    return yuv_HW[:height], chroma[0], chroma[1]


def rgb(frames: Frames, index: int) -> U8:
    """(H, W, 3) uint8 RGB of one frame."""
    yuv_HW = frames.yuv_THW[index]
    if frames.matrix == MATRIX_OF_RGB:
        return np.asarray(cv2.cvtColor(yuv_HW, cv2.COLOR_YUV2RGB_I420), np.uint8)
    return rgb_of_planes(*planes(yuv_HW), frames.matrix)


def rgb_of_planes(y_HW: U8, u_HW: U8, v_HW: U8, matrix: str) -> U8:
    """(H, W, 3) uint8 RGB of three planes, the last two of half the size."""
    height, width = y_HW.shape
    if matrix == MATRIX_OF_RGB:
        chroma = np.stack([u_HW, v_HW]).reshape(-1, width)
        return np.asarray(cv2.cvtColor(np.concatenate([y_HW, chroma]), cv2.COLOR_YUV2RGB_I420), np.uint8)
    full = (cv2.resize(plane, (width, height), interpolation=cv2.INTER_NEAREST) for plane in (u_HW, v_HW))
    return np.asarray(cv2.transform(cv2.merge([y_HW, *full]), RGB_OF_YUV[matrix]), np.uint8)


def yuv_of_rgb(rgb_HW3: U8) -> U8:
    """(H * 3 // 2, W) I420 of a picture with even sides, by the matrix smpte170m."""
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(rgb_HW3), cv2.COLOR_RGB2YUV_I420), np.uint8)


def frames_of_rgb(pictures: Iterable[U8], fps: Fraction) -> Frames:
    """Frames of (H, W, 3) RGB pictures of one size. Raises ValueError without pictures."""
    yuv_THW = np.stack([yuv_of_rgb(picture) for picture in pictures])
    ticks = np.arange(len(yuv_THW), dtype=np.int64)
    return Frames(yuv_THW, ticks, ticks, 1 / fps, fps, MATRIX_OF_RGB)


def sample_indices(count: int, samples: int) -> list[int]:
    """At most `samples` indices spread evenly over 0..count-1, centred in equal parts."""
    n = min(count, samples)
    return [int((i + 0.5) * count / n) for i in range(n)]
