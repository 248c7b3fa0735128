"""Perceptual hash of a clip, for finding near-duplicates."""

from __future__ import annotations

import cv2
import numpy as np

from schemas.arrays import U8

HASHED_FRAMES = 5
_SIDE = 32
_KEPT = 8


def perceptual_hash(luma_KHW: U8) -> str:
    """16 hex digits per (K, H, W) luma frame, in order; 80 for the usual five frames of a clip.

    Per frame: shrink to 32 x 32, two-dimensional DCT, the 8 x 8 lowest frequencies row by row, one bit each:
    above their median (the mean-luma term is left out of the median). First bit is the most significant.
    """
    return "".join(_frame_hash(luma_HW) for luma_HW in luma_KHW)


def _frame_hash(luma_HW: U8) -> str:
    small = cv2.resize(luma_HW, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = np.asarray(cv2.dct(small))[:_KEPT, :_KEPT].ravel()
    return np.packbits(low > np.median(low[1:])).tobytes().hex()
