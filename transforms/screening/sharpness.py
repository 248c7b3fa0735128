"""How sharp the picture is, whatever its contrast."""

from __future__ import annotations

import cv2
import numpy as np

from schemas.arrays import U8

_SHORT_SIDE_PX = 512
_BLUR_PX = 2.0
_PERCENTILE = 99


def sharpness(luma_KHW: U8) -> float:
    """Median over (K, H, W) luma frames of how much a Gaussian blur of 2 px takes from the strongest gradients.

    The ratio of the 99th percentiles of the gradient before and after the blur, at 512 px of the shorter side:
    1 for a picture that was blurred already, 1.4 and more for one in focus. Scene contrast and the size of the
    frames cancel out; a background out of focus does not count while one per cent of the picture is crisp.
    """
    return float(np.median([_crispness(_at_size(luma_HW)) for luma_HW in luma_KHW]))


def _at_size(luma_HW: U8) -> U8:
    scale = _SHORT_SIDE_PX / min(luma_HW.shape)
    if scale == 1:
        return np.ascontiguousarray(luma_HW)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(luma_HW, None, fx=scale, fy=scale, interpolation=method), np.uint8)


def _crispness(luma_HW: U8) -> float:
    blurred_HW = np.asarray(cv2.GaussianBlur(luma_HW, (0, 0), _BLUR_PX), np.uint8)
    coarse = _strong_gradient(blurred_HW)
    return _strong_gradient(luma_HW) / coarse if coarse > 0 else 1.0


def _strong_gradient(luma_HW: U8) -> float:
    dx, dy = cv2.spatialGradient(luma_HW)
    thin = np.s_[::2, ::2]
    magnitude = np.hypot(dx[thin].astype(np.float32), dy[thin].astype(np.float32)).ravel()
    rank = int(_PERCENTILE / 100 * magnitude.size)
    return float(np.partition(magnitude, rank)[rank])
