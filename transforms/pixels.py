"""Views and conversions of planar YUV 4:2:0 frames."""

from __future__ import annotations

import cv2
import numpy as np

from schemas.arrays import U8
from schemas.records import Frames


def planes(yuv_HW: U8) -> tuple[U8, U8, U8]:
    """Y (H, W), U and V (H/2, W/2) of one I420 frame stored as (H * 3 // 2, W). No copy of contiguous frames."""
    height, width = yuv_HW.shape[0] * 2 // 3, yuv_HW.shape[1]
    chroma = yuv_HW[height:].reshape(2, height // 2, width // 2)
    return yuv_HW[:height], chroma[0], chroma[1]


def rgb(frames: Frames, index: int) -> U8:
    """(H, W, 3) uint8 RGB of one frame."""
    return np.asarray(cv2.cvtColor(frames.yuv_THW[index], cv2.COLOR_YUV2RGB_I420), dtype=np.uint8)


def sample_indices(count: int, samples: int) -> list[int]:
    """At most `samples` indices spread evenly over 0..count-1, centred in equal parts."""
    n = min(count, samples)
    return [int((i + 0.5) * count / n) for i in range(n)]
