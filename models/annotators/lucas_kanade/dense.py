"""One step of point tracking by sampling dense flow, in place of pyramidal Lucas-Kanade.

Kroeger et al., "Fast Optical Flow using Dense Inverse Search", 2016.
"""

from __future__ import annotations

import cv2
import numpy as np

from models.annotators.lucas_kanade.flow import inside
from schemas.arrays import F32, U8


class DenseFlow:
    """Follows points by the dense flow of each pair of pictures, computed once for all points, and back."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def __call__(self, before_HW: U8, after_HW: U8, xy_N2: F32) -> tuple[F32, F32]:
        """Places after one step, and how far from the start the way back ends, px; NaN outside the picture."""
        there, again = self._between(before_HW, after_HW), self._between(after_HW, before_HW)
        forward: F32 = np.add(xy_N2, _sampled(there, xy_N2))
        error = np.linalg.norm(np.add(forward, _sampled(again, forward)) - xy_N2, axis=1)
        return forward, np.where(inside(forward, after_HW), error, np.nan).astype(np.float32)

    def _between(self, before_HW: U8, after_HW: U8) -> F32:
        return np.asarray(self._flow.calc(before_HW, after_HW, np.empty(0, np.float32)), np.float32)


def _sampled(flow_HW2: F32, xy_N2: F32) -> F32:
    x, y = (np.ascontiguousarray(xy_N2[None, :, axis], np.float32) for axis in (0, 1))
    return np.asarray(cv2.remap(flow_HW2, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0], np.float32)
