"""Pictures out of planar YUV frames, for networks that want RGB."""

from __future__ import annotations

import cv2
import numpy as np

from schemas.arrays import U8
from schemas.records import Frames


def rgb_frame(frames: Frames, index: int) -> U8:
    """(H, W, 3) uint8 RGB of one frame, by one matrix for all: networks do not mind a shade."""
    return np.asarray(cv2.cvtColor(frames.yuv_THW[index], cv2.COLOR_YUV2RGB_I420), dtype=np.uint8)
