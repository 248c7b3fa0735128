"""Views and conversions of planar YUV 4:2:0 frames."""

from __future__ import annotations

import cv2
import numpy as np

from schemas.records import U8, Frames


def rgb(frames: Frames, index: int) -> U8:
    """(H, W, 3) uint8 RGB of one frame."""
    return np.asarray(cv2.cvtColor(frames.yuv_THW[index], cv2.COLOR_YUV2RGB_I420), dtype=np.uint8)


def sample_indices(count: int, samples: int) -> list[int]:
    """At most `samples` indices spread evenly over 0..count-1, centred in equal parts."""
    n = min(count, samples)
    return [int((i + 0.5) * count / n) for i in range(n)]
