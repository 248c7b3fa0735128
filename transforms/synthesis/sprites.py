"""Sprites: small shaded RGBA pictures of body parts and objects, drawn once and moved by affine maps.

All sprites are premultiplied RGBA uint8. A limb's sprite runs from the near end of its bone, at (margin, margin)
from the top middle, downwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from schemas.arrays import F32, U8
from transforms.synthesis.noise import fractal
from transforms.synthesis.textures import palette


@dataclass(frozen=True, slots=True)
class Sprite:
    """A premultiplied RGBA picture and the bone in it.

    rgba_HW4: uint8. start, end: (x, y) sprite px of the bone's two ends. pixels_per_metre: its resolution.
    """

    rgba_HW4: U8
    start: tuple[float, float]
    end: tuple[float, float]
    pixels_per_metre: float


def premultiply(rgb_HW3: U8 | F32, alpha_HW: F32) -> U8:
    """(H, W, 4) uint8 premultiplied RGBA of a colour picture and coverage in 0..1."""
    rgb = np.clip(rgb_HW3, 0, 255).astype(np.float32, copy=False)
    coverage = np.clip(alpha_HW, 0, 1).astype(np.float32, copy=False)
    tinted = cv2.multiply(rgb, cv2.merge([coverage] * 3))
    return np.asarray(cv2.convertScaleAbs(cv2.merge([*cv2.split(tinted), coverage * np.float32(255)])), np.uint8)


def opaque(rgb_HW3: U8) -> U8:
    """(H, W, 4) uint8 RGBA of a picture without holes."""
    return np.asarray(cv2.cvtColor(rgb_HW3, cv2.COLOR_RGB2RGBA), np.uint8)


def tone(rng: np.random.Generator, kind: str) -> F32:
    """(3,) RGB colour of skin, hair or cloth."""
    if kind == "skin":
        t = rng.random()
        return np.asarray(np.array([238, 196, 168]) * (1 - t) + np.array([92, 58, 40]) * t, np.float32)
    if kind == "hair":
        choices = np.array([[28, 22, 20], [62, 40, 26], [120, 82, 48], [196, 160, 100], [150, 150, 150], [110, 40, 22]])
        return np.asarray(choices[rng.integers(len(choices))] * rng.uniform(0.8, 1.2), np.float32)
    saturation = float(rng.choice([0.15, 0.5, 0.85]))
    colours = palette(rng, 3, hue=float(rng.uniform(0, 360)), saturation=saturation)
    return np.asarray(colours[rng.integers(3)], np.float32)


def cloth(rng: np.random.Generator, style: int, colours_23: F32, shape: tuple[int, int], unit_px: float) -> F32:
    """(H, W, 3) float32 cloth: plain, stripes across or along, plaid, dots or print, `unit_px` to a repeat."""
    height, width = shape
    y, x = np.mgrid[:height, :width].astype(np.float32) / np.float32(max(unit_px, 3.0))
    wave_x, wave_y = np.sin(2 * np.pi * x), np.sin(2 * np.pi * y)
    fields = (
        lambda: np.full_like(x, -1),
        lambda: wave_y * 6,
        lambda: wave_x * 6,
        lambda: np.sign(wave_x) * 0.5 + np.sign(wave_y) * 0.5,
        lambda: (wave_x * wave_y - 0.55) * 8,
        lambda: fractal(rng, height, width, persistence=0.5) * 2,
    )
    share = np.clip(fields[style]() * 0.5 + 0.5, 0, 1)[..., None]
    return np.asarray(colours_23[0] * (1 - share) + colours_23[1] * share, np.float32)


STYLES = 6


def limb(
    rng: np.random.Generator, length: float, radii: tuple[float, ...], paint: Paint, ppm: float, *, flat: float = 1.0
) -> Sprite:
    """A rounded limb whose half-width goes through `radii` (metres) from start to end.

    flat: caps' height relative to their half-width; a torso's shoulders are flatter than a wrist.
    """
    first, last = radii[0] * flat, radii[-1] * flat
    margin_x, top, bottom = (int(np.ceil(r * ppm)) + 2 for r in (max(radii), first, last))
    height, width = top + bottom + int(np.ceil(length * ppm)) + 1, 2 * margin_x + 1
    v, u = np.mgrid[:height, :width].astype(np.float32)
    v, u = (v - top) / ppm, (u - margin_x) / ppm
    along = np.clip(v / max(length, 1e-3), 0, 1)
    radius = np.interp(along[:, 0], np.linspace(0, 1, len(radii)), radii).astype(np.float32)[:, None]
    beyond = np.where(v < 0, v / flat, np.where(v > length, (v - length) / flat, 0))
    distance = np.hypot(u, beyond)
    alpha = np.clip((radius - distance) * ppm + 0.5, 0, 1)
    rgb = paint.fill(rng, v, length, ppm) * _roundness(rng, u / radius, distance / radius)[..., None]
    return Sprite(premultiply(rgb, alpha), (margin_x, top), (margin_x, top + length * ppm), ppm)


@dataclass(frozen=True, slots=True)
class Paint:
    """What covers a limb: cloth from `start` to `end` (shares of its length), skin elsewhere."""

    skin_3: F32
    colours_23: F32
    style: int
    repeat_m: float
    start: float = -9.0
    end: float = 9.0

    def fill(self, rng: np.random.Generator, v: F32, length: float, ppm: float) -> F32:
        """(H, W, 3) float32 colour for the picture whose heights along the limb are v, metres."""
        height, width = v.shape
        fabric = cloth(rng, self.style, self.colours_23, (height, width), self.repeat_m * ppm)
        fabric *= 1 + 0.09 * np.clip(fractal(rng, height, width, persistence=0.5, levels=5), -2, 2)[..., None]
        edge = np.minimum(v - self.start * length, self.end * length - v) * ppm
        cover = np.clip(edge + 0.5, 0, 1)[..., None]
        hem = 1 - 0.35 * np.exp(-(((edge - 1.5) / 1.5) ** 2))[..., None]
        bare = self.skin_3 * (1 + 0.02 * fractal(rng, height, width, levels=4)[..., None])
        return np.asarray(fabric * hem * cover + bare * (1 - cover), np.float32)


def disc(rng: np.random.Generator, radius: float, ppm: float, paint: Paint) -> Sprite:
    """A ball."""
    return limb(rng, 1e-3, (radius, radius), paint, ppm)


def shadow(ppm: float) -> Sprite:
    """A soft dark patch, one metre across and never half opaque, so that it hides nothing in the labels."""
    side = int(ppm) + 2
    y, x = (np.mgrid[:side, :side] - (side - 1) / 2) * 2 / ppm
    alpha = 0.45 * np.clip(1 - (x**2 + y**2), 0, 1) ** 0.8
    middle = (side - 1) / 2
    empty = np.zeros((side, side, 3), np.float32)
    return Sprite(premultiply(empty, alpha.astype(np.float32)), (middle, middle), (middle, middle + ppm), ppm)


def _roundness(rng: np.random.Generator, side: F32, rim: F32) -> F32:
    """Shading of a round body lit from above the camera's left: darker towards the rim and the right."""
    facing = np.sqrt(np.clip(1 - np.clip(rim, 0, 1) ** 2, 0, 1))
    return np.asarray(0.6 + 0.42 * facing - 0.13 * np.clip(side, -1, 1), np.float32)
