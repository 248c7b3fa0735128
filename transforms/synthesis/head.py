"""The head: skull, ears, hair and a face that slides over the skull as it turns."""

from __future__ import annotations

import cv2
import numpy as np

from schemas.arrays import F32, U8
from transforms.synthesis.sprites import Sprite, premultiply

RADIUS = 0.5
"""Half-width of the head in head sprites, in head units; its half-height is HEIGHT."""
HEIGHT = 0.66
FACE = {
    "nose": (0.0, 0.09), "eye_inner": (0.11, -0.08), "eye": (0.19, -0.08), "eye_outer": (0.27, -0.07),
    "mouth": (0.15, 0.31),
}  # fmt: skip
"""Face points in head units (right half; the left one mirrored), from the middle of the head, y down."""
_AA = cv2.LINE_AA
_SHIFT = 4


def ellipse(skin_3: F32, ppu: float, half: tuple[float, float]) -> Sprite:
    """A shaded ellipse of half axes in head units: the skull, an ear."""
    u, v = _grid(ppu)
    rim = np.hypot(u / half[0], v / half[1])
    shade = 0.66 + 0.38 * np.sqrt(np.clip(1 - rim**2, 0, 1)) - 0.1 * u
    alpha = np.clip((1 - rim) * min(half) * ppu + 0.5, 0, 1)
    return _sprite(skin_3 * shade[..., None], alpha, ppu)


def face(rng: np.random.Generator, skin_3: F32, hair_3: F32, ppu: float) -> Sprite:
    """Eyes, brows, nose and mouth on a patch of skin that fades into the head's."""
    u, v = _grid(ppu)
    scale = 4
    canvas = np.empty((*(np.array(u.shape) * scale), 3), np.uint8)
    canvas[:] = skin_3
    _features(rng, canvas, skin_3, hair_3, ppu * scale)
    rgb = cv2.resize(canvas, u.shape[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
    rim = np.hypot(u / (RADIUS * 0.86), (v - 0.08) / (HEIGHT * 0.8))
    rgb *= (0.66 + 0.38 * np.sqrt(np.clip(1 - np.hypot(u / RADIUS, v / HEIGHT) ** 2, 0, 1)) - 0.1 * u)[..., None]
    return _sprite(rgb, np.clip((1 - rim) * 5, 0, 1), ppu)


def hair_cap(hair_3: F32, ppu: float, hairline: float) -> Sprite:
    """Hair over the forehead and the top of the skull."""
    u, v = _grid(ppu)
    inside = (1 - np.hypot(u / (RADIUS * 1.07), (v + 0.02) / (HEIGHT * 1.08))) * RADIUS
    fringe = hairline - v - 1.1 * u**2 * np.sign(hairline + 0.2)
    return _sprite(_strands(hair_3, u, v), np.clip(np.minimum(inside, fringe) * ppu + 0.5, 0, 1), ppu)


def hair_back(hair_3: F32, ppu: float, length: float) -> Sprite:
    """Hair on the back of the head, `length` below the middle of it."""
    u, v = _grid(ppu)
    down = np.where(v > 0, v / max(length, 0.3) * HEIGHT, v)
    inside = (1 - np.hypot(u / (RADIUS * 1.1), down / (HEIGHT * 1.06))) * RADIUS
    if length > HEIGHT:
        inside = np.where(v > 0, np.minimum(RADIUS * 1.1 - np.abs(u), length - v), inside)
    return _sprite(_strands(hair_3, u, v), np.clip(inside * ppu + 0.5, 0, 1), ppu)


def _features(rng: np.random.Generator, canvas: U8, skin_3: F32, hair_3: F32, ppu: float) -> None:
    middle = (np.array(canvas.shape[1::-1]) - 1) / 2
    dark, lips = (hair_3 * 0.6).tolist(), (skin_3 * 0.55 + np.array([90, 20, 28]) * 0.5).tolist()
    iris = [float(c) for c in rng.choice([[70, 45, 25], [70, 110, 140], [60, 90, 50]])]

    def oval(x: float, y: float, w: float, h: float, colour: list[float]) -> None:
        at, axes = (middle + np.array([x, y]) * ppu) * 2**_SHIFT, np.array([w, h]) * ppu * 2**_SHIFT
        cv2.ellipse(canvas, at.astype(int).tolist(), axes.astype(int).tolist(), 0, 0, 360, colour, -1, _AA, _SHIFT)

    for side in (-1, 1):
        x, y = FACE["eye"][0] * side, FACE["eye"][1]
        oval(x, y, 0.1, 0.065, (skin_3 * 0.72).tolist())
        oval(x, y, 0.085, 0.05, [240.0, 238.0, 235.0])
        oval(x, y, 0.045, 0.05, iris)
        oval(x, y, 0.02, 0.024, [12.0, 10.0, 10.0])
        oval(x * 1.04, y - 0.13, 0.11, 0.024, dark)
        oval(x * 1.3, 0.2, 0.1, 0.08, (skin_3 * 0.93 + np.array([16, 0, 0])).clip(0, 255).tolist())
    nose = FACE["nose"]
    oval(0, nose[1] - 0.06, 0.04, 0.11, (skin_3 * 1.07).clip(0, 255).tolist())
    oval(0, nose[1] + 0.035, 0.085, 0.04, (skin_3 * 0.74).tolist())
    oval(0, nose[1], 0.07, 0.045, (skin_3 * 1.05).clip(0, 255).tolist())
    oval(0, FACE["mouth"][1], FACE["mouth"][0] + 0.015, 0.05, lips)
    oval(0, FACE["mouth"][1], FACE["mouth"][0] - 0.01, 0.012, (skin_3 * 0.35).tolist())


def _grid(ppu: float) -> tuple[F32, F32]:
    """Head units of every sprite pixel, 2.6 units square about the middle of the head."""
    side = 2 * int(np.ceil(1.3 * ppu)) + 1
    axis = (np.arange(side, dtype=np.float32) - side // 2) / np.float32(ppu)
    return np.broadcast_to(axis, (side, side)), np.broadcast_to(axis[:, None], (side, side))


def _strands(hair_3: F32, u: F32, v: F32) -> F32:
    wave = 0.1 * np.sin(60 * u + 9 * np.sin(4 * v)) + 0.06 * np.sin(131 * u + 5 * v)
    return np.asarray(hair_3 * (0.95 + wave - 0.35 * u**2 - 0.22 * v)[..., None], np.float32)


def _sprite(rgb: F32, alpha: F32, ppu: float) -> Sprite:
    middle = (alpha.shape[0] - 1) / 2
    return Sprite(premultiply(rgb, alpha), (middle, middle), (middle, middle + ppu), ppu)
