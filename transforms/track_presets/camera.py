"""Paths of a virtual camera over still ground, as homographies from the first frame's pixels to every frame's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

_SWING_S = 6.0
"""A motion goes out and comes back within this time."""
_PAN, _ZOOM, _TURN = 0.35, 0.3, 0.16
"""How far: in picture widths, as a share, in radians."""
_SHAKE = (0.02, 0.012, 0.02)
"""Deviation of a handheld camera: place in picture widths, turn in radians, zoom as a share."""
_SHAKE_HZ = (0.3, 2.5)


def camera_path(name: str, times_s: F64, width: int, height: int, seed: int, strength: float = 1.0) -> F64:
    """(T, 3, 3) maps of the ground's pixels at time 0 to those at each time. name: of CAMERA_PATHS.

    Raises KeyError for an unknown name.
    """
    return CAMERA_PATHS[name](times_s, (width, height), seed, strength)


def _static(times_s: F64, size: tuple[int, int], seed: int, strength: float) -> F64:
    return _maps(size, times_s)


def _pan(times_s: F64, size: tuple[int, int], seed: int, strength: float) -> F64:
    way = np.random.default_rng(seed).choice([-1.0, 1.0])
    return _maps(size, times_s, x=strength * way * _PAN * _swing(times_s))


def _zoom(times_s: F64, size: tuple[int, int], seed: int, strength: float) -> F64:
    return _maps(size, times_s, zoom=1 + strength * _ZOOM * _swing(times_s))


def _rotate(times_s: F64, size: tuple[int, int], seed: int, strength: float) -> F64:
    way = np.random.default_rng(seed).choice([-1.0, 1.0])
    return _maps(size, times_s, turn=strength * way * _TURN * np.sin(2 * np.pi * times_s / _SWING_S))


def _handheld(times_s: F64, size: tuple[int, int], seed: int, strength: float) -> F64:
    rng = np.random.default_rng(seed)
    place, turn, zoom = (strength * deviation for deviation in _SHAKE)
    x, y = (place * _smooth_noise(rng, times_s) for _ in range(2))
    return _maps(
        size, times_s, x=x, y=y, turn=turn * _smooth_noise(rng, times_s), zoom=1 + zoom * _smooth_noise(rng, times_s)
    )


CAMERA_PATHS: dict[str, Callable[[F64, tuple[int, int], int, float], F64]] = {
    "static": _static,
    "pan": _pan,
    "zoom": _zoom,
    "rotate": _rotate,
    "handheld": _handheld,
}


def _swing(times_s: F64) -> F64:
    """From 0 to 1 and back, without a jolt."""
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * times_s / _SWING_S))


def _smooth_noise(rng: np.random.Generator, times_s: F64) -> F64:
    """Noise of deviation 1 that is 0 at time 0: a few sines, slower ones stronger."""
    hertz = np.exp(rng.uniform(np.log(_SHAKE_HZ[0]), np.log(_SHAKE_HZ[1]), 6))
    phase, strength = rng.uniform(0, 2 * np.pi, 6), hertz**-0.7
    waves = strength * (np.sin(2 * np.pi * hertz * times_s[:, None] + phase) - np.sin(phase))
    return np.asarray(waves.sum(1) / np.sqrt(0.5 * (strength**2).sum()))


def _maps(
    size: tuple[int, int], times_s: F64, x: F64 | float = 0.0, y: F64 | float = 0.0, turn: F64 | float = 0.0,
    zoom: F64 | float = 1.0,
) -> F64:  # fmt: skip
    """Similarities about the picture's centre. x, y: shift in picture widths; turn: radians."""
    width, height = size
    x, y, turn, zoom = (np.broadcast_to(np.asarray(v, np.float64), times_s.shape) for v in (x, y, turn, zoom))
    cx, cy = (width - 1) / 2, (height - 1) / 2
    c, s, zero = zoom * np.cos(turn), zoom * np.sin(turn), np.zeros_like(times_s)
    rows = [
        [c, -s, x * width + cx - c * cx + s * cy],
        [s, c, y * width + cy - s * cx - c * cy],
        [zero, zero, zero + 1],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)
