"""One step of point tracking, and what tells a point that drifted off."""

from __future__ import annotations

import cv2
import numpy as np

from schemas.arrays import F32, U8, Bool

_WINDOW = (11, 11)
_LEVELS = 3
_CRITERIA = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 20, 0.02)
PATCH = 11
"""Side of the patch whose look is compared, px."""
LOOK_SIZE = PATCH * PATCH


def follow(before_HW: U8, after_HW: U8, xy_N2: F32, most_error_px: float) -> tuple[F32, Bool]:
    """Places after one step, and which of them are confirmed: the way back ends within `most_error_px`."""
    forward, error = follow_and_back(before_HW, after_HW, xy_N2)
    return forward, np.asarray(error < most_error_px, np.bool_)


def follow_and_back(before_HW: U8, after_HW: U8, xy_N2: F32) -> tuple[F32, F32]:
    """Places after one step, and (N,) how far from the start the way back ends, px.

    The distance is infinite where the point was lost on the way, NaN where it left the picture.
    """
    forward, there = _flow(before_HW, after_HW, xy_N2)
    back, again = _flow(after_HW, before_HW, forward)
    error = np.where(there & again, np.linalg.norm(back - xy_N2, axis=1), np.inf)
    return forward, np.where(inside(forward, after_HW), error, np.nan).astype(np.float32)


def inside(xy_N2: F32, picture_HW: U8) -> Bool:
    """(N,) bool: the place lies in the picture."""
    height, width = picture_HW.shape
    return np.asarray(((xy_N2 >= 0) & (xy_N2 <= (width - 1, height - 1))).all(1), np.bool_)


def _flow(from_HW: U8, to_HW: U8, xy_N2: F32) -> tuple[F32, Bool]:
    found, status, _ = cv2.calcOpticalFlowPyrLK(
        from_HW, to_HW, xy_N2, np.empty(0, np.float32), winSize=_WINDOW, maxLevel=_LEVELS, criteria=_CRITERIA
    )
    return np.asarray(found, np.float32).reshape(-1, 2), np.asarray(status == 1, np.bool_).reshape(-1)


def looks(luma_HW: U8, xy_N2: F32) -> F32:
    """(N, LOOK_SIZE) look of the picture around each point: zero mean, unit norm, 0 where it is flat."""
    look_NP = patches(luma_HW, xy_N2, PATCH).reshape(len(xy_N2), LOOK_SIZE)
    look_NP -= look_NP.mean(1, keepdims=True)
    return np.asarray(look_NP / np.maximum(np.linalg.norm(look_NP, axis=1, keepdims=True), 1e-6), np.float32)


def patches(luma_HW: U8, xy_N2: F32, side: int) -> F32:
    """(N, side, side) the picture around each point; beyond its border, the border."""
    if not len(xy_N2):  # cv2.remap refuses empty maps
        return np.empty((0, side, side), np.float32)
    reach = np.arange(side, dtype=np.float32) - side // 2
    x = np.tile(xy_N2[:, :1] + reach, side)
    y = np.repeat(xy_N2[:, 1:] + reach, side, axis=1)
    sampled = cv2.remap(luma_HW, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled, np.float32).reshape(-1, side, side)
