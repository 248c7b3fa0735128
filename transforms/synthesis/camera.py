"""The camera: a path of rotation, zoom and place, and the homographies it makes of planes in the world.

World axes as the camera's at rest: x right, y down, z forward; units are metres. Pixel centres lie at integers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transforms.synthesis.noise import F64, ease, wander

FOCAL = 1.15
"""Focal length at rest, in picture sizes: a horizontal view of 47 degrees."""
_DEGREE = np.pi / 180
_UNHURRIED_S = 3.0
"""A camera motion that has less time than this does not go all its way."""


@dataclass(frozen=True, slots=True)
class CameraPath:
    """Camera at N moments. rotation_N3: yaw, pitch, roll in radians; zoom_N: factor; place_N3: metres."""

    size: int
    rotation_N3: F64
    zoom_N: F64
    place_N3: F64

    def projection(self) -> F64:
        """(N, 3, 3): K R, which takes a point relative to the camera's place to homogeneous pixels."""
        (sy, sp, sr), (cy, cp, cr) = np.sin(self.rotation_N3).T, np.cos(self.rotation_N3).T
        one, zero = np.ones_like(sy), np.zeros_like(sy)
        yaw = _matrix([[cy, zero, -sy], [zero, one, zero], [sy, zero, cy]])
        pitch = _matrix([[one, zero, zero], [zero, cp, -sp], [zero, sp, cp]])
        roll = _matrix([[cr, -sr, zero], [sr, cr, zero], [zero, zero, one]])
        focal, centre = self.zoom_N * FOCAL * self.size, one * (self.size - 1) / 2
        lens = _matrix([[focal, zero, centre], [zero, focal, centre], [zero, zero, one]])
        projection: F64 = lens @ roll @ pitch @ yaw
        return projection

    def plane(self, origin: F64, right: F64, down: F64) -> F64:
        """(N, 3, 3) homographies from plane coordinates (a, b): the world point origin + a right + b down."""
        axes = np.broadcast_to(np.stack([right, down, np.zeros(3)], -1), (len(self.zoom_N), 3, 3)).copy()
        axes[:, :, 2] = origin - self.place_N3
        homographies: F64 = self.projection() @ axes
        return homographies

    def see(self, world_N3: F64) -> tuple[F64, F64]:
        """Pixels (N, 2) of one world point per moment, and pixels per metre (N,) there."""
        seen = np.einsum("nij,nj->ni", self.projection(), world_N3 - self.place_N3)
        return seen[:, :2] / seen[:, 2:], self.zoom_N * FOCAL * self.size / seen[:, 2]


def draw_path(rng: np.random.Generator, kind: str, times_s: F64, duration_s: float, size: int) -> CameraPath:
    """A camera path of a kind of `schemas.scores.CAMERAS`, often with a lesser motion of another kind beside it."""
    path = CameraPath(size, np.zeros((len(times_s), 3)), np.ones(len(times_s)), np.zeros((len(times_s), 3)))
    if kind != "static":
        _add(rng, kind, path, (times_s, duration_s), share=1.0)
        if rng.random() < 0.35:
            other = str(rng.choice([k for k in ("pan", "zoom", "rotate", "shake") if k != kind]))
            _add(rng, other, path, (times_s, duration_s), share=0.3)
    return path


def _add(rng: np.random.Generator, kind: str, path: CameraPath, clock: tuple[F64, float], *, share: float) -> None:
    """Add a motion of one kind to a path, `share` of its usual strength. clock: moments and duration, s."""
    (t, duration), rotation, place = clock, path.rotation_N3, path.place_N3
    strength = share * _sign(rng)
    if kind == "pan":
        rotation[:, 0] += _sweep(rng, t, duration, strength * rng.uniform(6, 17) * _DEGREE)
        rotation[:, 1] += _sweep(rng, t, duration, strength * rng.uniform(-4, 4) * _DEGREE)
    elif kind == "zoom":
        path.zoom_N[:] *= np.exp(_sweep(rng, t, duration, strength * rng.uniform(0.16, 0.38)))
    elif kind == "rotate":
        rotation[:, 2] += _sweep(rng, t, duration, strength * rng.uniform(7, 22) * _DEGREE)
    elif kind == "shake":
        for axis, degrees in enumerate((1.1, 0.9, 0.8)):
            rotation[:, axis] += wander(rng, t, share * rng.uniform(0.5, 1.0) * degrees * _DEGREE, (0.7, 4.0))
    else:
        place[:, 0] += _sweep(rng, t, duration, strength * rng.uniform(0.5, 1.3))
        place[:, 1] += wander(rng, t, share * rng.uniform(0.0, 0.15), (0.1, 0.4))
        place[:, 2] += _sweep(rng, t, duration, share * rng.uniform(-0.4, 0.5))
        rotation[:, 0] += np.arctan(place[:, 0] / 9) * -rng.uniform(0, 0.35)


def _sweep(rng: np.random.Generator, t: F64, duration: float, extent: float) -> F64:
    """One way across the extent, centred on zero, or to and fro within it; less far in short clips."""
    extent *= min(1.0, duration / _UNHURRIED_S) ** 0.5
    if rng.random() < 0.65:
        return extent * (ease(t, duration) - 0.5)
    path = wander(rng, t, 1.0, (0.15, 0.45))
    return np.asarray((path - path.mean()) * abs(extent) / max(float(np.ptp(path)), 0.1), np.float64)


def _sign(rng: np.random.Generator) -> float:
    return -1.0 if rng.random() < 0.5 else 1.0


def _matrix(rows: list[list[F64]]) -> F64:
    return np.stack([np.stack(row, -1) for row in rows], -2)
