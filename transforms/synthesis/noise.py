"""Random fields and smooth random functions, the raw material of scenes. Everything comes from the generator given."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas.arrays import F32

F64 = NDArray[np.float64]


def fractal(rng: np.random.Generator, height: int, width: int, *, persistence: float = 0.55, levels: int = 16) -> F32:
    """(H, W) float32 noise with a spectrum near 1/f, zero mean and unit deviation.

    persistence: amplitude of an octave relative to the coarser one. levels: octaves, from the finest.
    """
    levels = max(1, min(levels, int(np.log2(max(2, min(height, width) / 2)))))
    field = np.zeros((2, 2), np.float32)
    for level in range(levels - 1, -1, -1):
        shape = (-(-height // 2**level), -(-width // 2**level))
        field = np.asarray(cv2.resize(field, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32).reshape(shape)
        field += persistence ** (levels - 1 - level) * (rng.random(shape, np.float32) - np.float32(0.5))
    field -= field.mean()
    return field / np.float32(max(float(field.std()), 1e-6))


def wander(rng: np.random.Generator, times_s: F64, amplitude: float, hertz: tuple[float, float] = (0.15, 0.8)) -> F64:
    """A smooth random function at the times given: three sinusoids, about `amplitude` at its extremes."""
    frequency = rng.uniform(*hertz, size=3)
    weight = rng.dirichlet(np.ones(3)) * amplitude
    phase = rng.uniform(0, 2 * np.pi, 3)
    waves: F64 = np.sin(2 * np.pi * frequency * times_s[..., None] + phase) @ weight
    return waves


def ease(times_s: F64, duration_s: float) -> F64:
    """From 0 to 1 over the duration, smoothly, going on evenly beyond both ends."""
    x = times_s / duration_s
    return x - np.sin(2 * np.pi * x) / (2 * np.pi) * 0.5
