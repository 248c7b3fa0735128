"""The rotated square in which the landmark network sees one person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from schemas.arrays import F32

_MARGIN = 1.25
"""Side of the square over the diameter of the person's circle, as in MediaPipe."""


@dataclass(frozen=True, slots=True)
class Roi:
    """center_xy: px. size: side, px. angle: turn against upright, radians, clockwise on the screen."""

    center_xy: tuple[float, float]
    size: float
    angle: float

    @classmethod
    def from_alignment(cls, center_xy: F32, rim_xy: F32) -> Roi:
        """From the two alignment points both networks predict: hip centre, and top of the person's circle."""
        dx, dy = (float(v) for v in rim_xy - center_xy)
        size = 2.0 * _MARGIN * float(np.hypot(dx, dy))
        return cls((float(center_xy[0]), float(center_xy[1])), size, float(np.pi / 2 + np.arctan2(dy, dx)))

    def to_crop(self, side: int) -> F32:
        """(2, 3) affine map from pixels of the picture to pixels of a crop of `side` px, pixel centres at integers."""
        scale = side / self.size
        cos, sin = scale * np.cos(self.angle), scale * np.sin(self.angle)
        turn = np.array([[cos, sin], [-sin, cos]])
        center = np.array(self.center_xy) - 0.5
        shift = side / 2 - 0.5 - turn @ center
        return np.column_stack([turn, shift]).astype(np.float32)

    def bounds(self, height: int, width: int) -> tuple[int, int, int, int]:
        """x0, y0, x1, y1 of the upright box around the square, clipped to the frame; x1, y1 exclusive."""
        half = 0.5 * self.size * (abs(np.cos(self.angle)) + abs(np.sin(self.angle)))
        x, y = self.center_xy
        x0, x1 = (int(np.clip(v, 0, width)) for v in (np.floor(x - half), np.ceil(x + half) + 1))
        y0, y1 = (int(np.clip(v, 0, height)) for v in (np.floor(y - half), np.ceil(y + half) + 1))
        return x0, y0, x1, y1

    def towards(self, other: Roi, way: float) -> Roi:
        """The square a share 0..1 of the way to another, turning the shorter way round."""
        x, y = ((1 - way) * a + way * b for a, b in zip(self.center_xy, other.center_xy, strict=True))
        turn = (other.angle - self.angle + np.pi) % (2 * np.pi) - np.pi
        return Roi((x, y), (1 - way) * self.size + way * other.size, float(self.angle + way * turn))

    def overlap(self, other: Roi) -> float:
        """Intersection over union of the two squares, their turns ignored."""
        sides = [
            min(a + self.size / 2, b + other.size / 2) - max(a - self.size / 2, b - other.size / 2)
            for a, b in zip(self.center_xy, other.center_xy, strict=True)
        ]
        shared = max(sides[0], 0.0) * max(sides[1], 0.0)
        return float(shared / (self.size**2 + other.size**2 - shared))
