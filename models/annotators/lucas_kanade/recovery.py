"""Points that were lost, found again: they coast with the ground and are looked for where they should be.

Shape suffixes: N points.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from models.annotators.lucas_kanade.flow import LOOK_SIZE, PATCH, patches
from schemas.arrays import F32, U8, Bool

_LEAST_LIKENESS = 0.85
"""Normalised correlation with the reference look at which a point is found again."""
_REACH_PX = 3
"""How far from its expected place a point is looked for."""
_LEAST_POINTS = 12
_RANSAC_PX = 2.0
_OFFSETS = np.array([(dx, dy) for dy in range(-_REACH_PX, _REACH_PX + 1) for dx in range(-_REACH_PX, _REACH_PX + 1)])
_SUMS = sliding_window_view(np.eye(PATCH + 2 * _REACH_PX), PATCH, axis=1).sum(-1).T
"""(offsets, S): sums over every PATCH values in a row of S."""


def ground_motion(before_N2: F32, after_N2: F32) -> F32 | None:
    """(3, 3) homography that most points followed in one step; None if there are too few."""
    if len(before_N2) < _LEAST_POINTS:
        return None
    found, _ = cv2.findHomography(before_N2, after_N2, cv2.RANSAC, _RANSAC_PX, maxIters=200, confidence=0.99)
    return None if found is None else np.asarray(found, np.float32)


def coasted(motion_33: F32, xy_N2: F32) -> F32:
    """Places moved along with the ground."""
    moved = cv2.perspectiveTransform(xy_N2[None], motion_33)[0]
    return np.where(np.isfinite(moved).all(1, keepdims=True), moved, xy_N2).astype(np.float32)


def found_again(luma_HW: U8, expected_N2: F32, reference_NP: F32) -> tuple[F32, Bool]:
    """Best places around the expected ones, to a fraction of a pixel, and which of them look right."""
    count = len(expected_N2)
    if not count:
        return expected_N2, np.zeros(0, np.bool_)
    likeness_NK = _likeness(patches(luma_HW, expected_N2, PATCH + 2 * _REACH_PX), reference_NP)
    best_N = likeness_NK.argmax(1)
    place_N2 = expected_N2 + _OFFSETS[best_N] + _fraction(likeness_NK, best_N)
    inner_N = (np.abs(_OFFSETS[best_N]) < _REACH_PX).all(1)
    return place_N2.astype(np.float32), inner_N & (likeness_NK.max(1) >= _LEAST_LIKENESS)


def _likeness(around_NSS: F32, reference_NP: F32) -> F32:
    """(N, K) normalised correlation of each look inside the surroundings of a point with its reference look."""
    count = len(reference_NP)
    centred_NSS = around_NSS - around_NSS.mean((1, 2), keepdims=True)
    look_NKP = sliding_window_view(centred_NSS, (PATCH, PATCH), axis=(1, 2)).reshape(count, -1, LOOK_SIZE)
    product_NK = (look_NKP @ reference_NP[..., None])[..., 0]  # the mean of a look drops out: references have none
    total, squares = (_SUMS @ values @ _SUMS.T for values in (centred_NSS, np.square(centred_NSS, dtype=np.float64)))
    norm_NK = np.sqrt(np.maximum(squares - total**2 / LOOK_SIZE, 1e-6)).reshape(count, -1)
    return np.asarray(product_NK / norm_NK, np.float32)


def _fraction(likeness_NK: F32, best_N: np.ndarray) -> F32:
    """(N, 2) top of the parabola through the best place and its neighbours, along each axis."""
    side = 2 * _REACH_PX + 1
    grid = np.pad(likeness_NK.reshape(-1, side, side), ((0, 0), (1, 1), (1, 1)), mode="edge")
    n, row, column = np.arange(len(best_N)), best_N // side + 1, best_N % side + 1
    middle = grid[n, row, column]
    along_x = (grid[n, row, column - 1], grid[n, row, column + 1])
    along_y = (grid[n, row - 1, column], grid[n, row + 1, column])
    steps = []
    for low, high in (along_x, along_y):
        bend = np.minimum(low + high - 2 * middle, -1e-6)
        steps.append(np.clip((low - high) / (2 * bend), -0.5, 0.5))
    return np.stack(steps, -1).astype(np.float32)
