"""Steadying joints over time without lag."""

from __future__ import annotations

import numpy as np

from schemas.arrays import F32, Bool

_WIDE_S, _NARROW_S = 0.08, 0.035
"""Spread of the weights of the two fits, s."""
_REACH = 2.5
"""Half length of a fit's window, over the spread."""
_JITTER = 0.005
"""Difference of the two fits that jitter of a sure joint makes, over the side of the person's region."""
_UNSURE_NOISE = 4.0
"""How many times larger it is for a joint of confidence 0."""


def smooth(xy_TJ2: F32, confidence_TJ: F32, present_T: Bool, size_T: F32, fps: float) -> F32:
    """Joints with their jitter taken out and their motion left in; absent frames stay as they are.

    A parabola is fitted to each joint around each frame, weighted by nearness in time and confidence (a weighted
    Savitzky-Golay filter: symmetric, so it does not lag). Where a fit over a shorter time departs from it by more
    than jitter would make it, that is motion the parabola cannot follow, and the measurement is kept.

    xy_TJ2: px. confidence_TJ: 0..1. size_T: side of the person's region, px, NaN where absent.
    """
    weight = (confidence_TJ + 1e-3) * present_T[:, None]
    fitted, quick = (_local_parabola(xy_TJ2, weight, spread_s * fps) for spread_s in (_WIDE_S, _NARROW_S))
    departure = np.linalg.norm(fitted - quick, axis=2)
    expected = _JITTER * size_T[:, None] * (1 + (_UNSURE_NOISE - 1) * (1 - confidence_TJ))
    trust = np.exp(-0.5 * (departure / expected) ** 2)[..., None]
    smoothed = np.where(np.isfinite(trust), trust * fitted + (1 - trust) * xy_TJ2, xy_TJ2)
    return np.where(present_T[:, None, None], smoothed, xy_TJ2).astype(np.float32)


def _local_parabola(xy_TJ2: F32, weight_TJ: F32, spread: float) -> F32:
    """Value at each frame of the parabola fitted around it; NaN where too few frames determine one.

    spread: of the weights, frames.
    """
    reach = max(2, round(_REACH * spread))
    frames = xy_TJ2.shape[0]
    s = np.zeros((5, *weight_TJ.shape))
    m = np.zeros((3, *xy_TJ2.shape))
    values = np.where(weight_TJ[..., None] > 0, xy_TJ2, 0)
    for k in range(-reach, reach + 1):
        if abs(k) >= frames:
            continue
        here, there = slice(max(0, -k), frames - max(0, k)), slice(max(0, k), frames + min(0, k))
        nearness = np.exp(-0.5 * (k / spread) ** 2)
        weight = nearness * weight_TJ[there]
        for power in range(5):
            s[power, here] += weight * k**power
        for power in range(3):
            m[power, here] += (weight * k**power)[..., None] * values[there]
    minors = np.stack([s[2] * s[4] - s[3] ** 2, s[2] * s[3] - s[1] * s[4], s[1] * s[3] - s[2] ** 2])
    determinant = (s[:3] * minors).sum(0)
    determined = determinant > 1e-3 * s[0] ** 3
    with np.errstate(divide="ignore", invalid="ignore"):
        value = (m * minors[..., None]).sum(0) / determinant[..., None]
    return np.where(determined[..., None], value, np.nan)
