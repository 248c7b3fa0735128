"""What a scene is made of besides persons: planes of the background and moving objects.

A plane is a picture standing or lying in the world; the camera turns it into one homography per moment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from schemas.arrays import F32, U8
from transforms.synthesis import textures
from transforms.synthesis.camera import FOCAL, CameraPath
from transforms.synthesis.noise import F64, fractal, wander
from transforms.synthesis.puppet import affine
from transforms.synthesis.sprites import Paint, Sprite, disc, opaque, premultiply, tone
from transforms.synthesis.textures import Maker

WALL_M = 9.0
_FLOOR_M = (1.5, 16.0)
"""Near edge and width of the floor."""
X, Y, Z = np.eye(3)


@dataclass(frozen=True, slots=True)
class Piece:
    """A picture with one map per moment from its px to screen px; depth_m orders pieces.

    mirrored: the picture goes on beyond its borders, reflected.
    """

    name: str
    rgba_HW4: U8
    transform_N33: F64
    depth_m: float
    mirrored: bool = False


def draw_backdrop(
    rng: np.random.Generator, path: CameraPath, height_m: float, *, layered: bool, photograph: Maker | None
) -> list[Piece]:
    """Background planes from far to near; `layered` asks for planes at several distances."""
    pieces = [_wall(rng, path, photograph)]
    if layered or rng.random() < (0.3 if photograph else 0.6):
        pieces.append(_floor(rng, path, height_m))
        for distance in np.sort(rng.uniform(5.6, 8.2, int(rng.integers(1, 3) if layered else rng.integers(0, 2))))[
            ::-1
        ]:
            pieces.append(_cutout(rng, path, height_m, float(distance)))
    if rng.random() < (0.4 if layered else 0.1):
        pieces.append(_near(rng, path))
    return pieces


def draw_object(rng: np.random.Generator, path: CameraPath, height_m: float, times_s: F64) -> Piece:
    """A ball that bounces across, or a parcel that floats, turning."""
    distance, radius = float(rng.uniform(2.3, 6.0)), float(rng.uniform(0.08, 0.24))
    ppm = FOCAL * path.size / distance
    colours = np.stack([tone(rng, "cloth"), tone(rng, "cloth")])
    if rng.random() < 0.6:
        sprite = disc(rng, radius, ppm, Paint(tone(rng, "cloth"), colours, int(rng.integers(1, 6)), radius * 0.8))
        up = np.abs(np.sin(np.pi * rng.uniform(0.5, 1.2) * times_s + rng.uniform(0, 3))) * rng.uniform(0.2, 1.5)
    else:
        sprite = _parcel(rng, radius, ppm)
        up = rng.uniform(0.4, 1.6) + wander(rng, times_s, 0.3)
    reach = 0.9 * distance / FOCAL
    across = rng.choice([-1, 1]) * reach * (rng.uniform(0, 0.8) - rng.uniform(0.25, 0.7) * times_s)
    world = np.stack([across, height_m - radius - up, np.full_like(across, distance)], -1)
    at, scale = path.see(world)
    angle = across / radius * 0.5 + path.rotation_N3[:, 2]
    right = np.stack([np.cos(angle), np.sin(angle)], -1) * (scale / ppm)[:, None]
    down = np.stack([-right[:, 1], right[:, 0]], -1)
    return Piece("object", sprite.rgba_HW4, affine(right, down, at, sprite.start), distance)


def _wall(rng: np.random.Generator, path: CameraPath, photograph: Maker | None) -> Piece:
    """The far plane: fills the view, often a little oblique."""
    ppm = FOCAL * path.size * float(path.zoom_N.max()) ** 0.5 / WALL_M
    height, width = int(1.5 * path.size), int(2.1 * path.size)
    if photograph is not None:
        picture = photograph(rng, height, width)
    else:
        picture = textures.WALLS[rng.integers(len(textures.WALLS))](rng, height, width)
        if rng.random() < 0.25:
            picture = _under_sky(rng, picture)
    slant = rng.uniform(-0.4, 0.4) if rng.random() < 0.5 else 0.0
    right = (X * np.cos(slant) + Z * np.sin(slant)) / ppm
    origin = Z * WALL_M - right * width / 2 - Y / ppm * height * rng.uniform(0.4, 0.6)
    return Piece("wall", opaque(picture), path.plane(origin, right, Y / ppm), 1000.0, mirrored=True)


def _under_sky(rng: np.random.Generator, picture: U8) -> U8:
    height, width = picture.shape[:2]
    share = _skyline(rng, height, width, rng.uniform(0.25, 0.45), rng.uniform(0.02, 0.1))[..., None]
    mixed = picture * share + textures.sky(rng, height, width) * (1 - share)
    return mixed.astype(np.uint8)


def _floor(rng: np.random.Generator, path: CameraPath, height_m: float) -> Piece:
    near, across = _FLOOR_M
    ppm = 0.2 * path.size
    height, width = int((WALL_M - near) * ppm), int(across * ppm)
    picture = textures.FLOORS[rng.integers(len(textures.FLOORS))](rng, height, width)
    picture = _foreshortened(picture, ppm, path.size, height_m)
    origin = np.array([-across / 2, height_m, WALL_M])
    transform = path.plane(origin, X / ppm, -Z / ppm)
    return Piece("floor", opaque(picture), transform, 900.0)


def _foreshortened(picture: U8, ppm: float, size: int, height_m: float) -> U8:
    """Rows smoothed as strongly as the view from `height_m` compresses them, so that the far floor does not flicker."""
    rows = np.arange(len(picture))
    distance = WALL_M - rows / ppm
    sigma = 0.35 * ppm * distance**2 / (FOCAL * size * height_m)
    smooth = [picture] + [cv2.GaussianBlur(picture, (1, 0), 0.1, sigmaY=s) for s in (1.2, 3.0)]
    level = np.interp(sigma, [0.4, 1.2, 3.0], [0, 1, 2])
    result = picture.astype(np.float32)
    for index in (0, 1):
        share = np.clip(level - index, 0, 1)[:, None, None].astype(np.float32)
        result = result * (1 - share) + smooth[index + 1] * share
    return result.astype(np.uint8)


def _cutout(rng: np.random.Generator, path: CameraPath, height_m: float, distance: float) -> Piece:
    """A hedge, a row of houses or trunks standing on the ground before the wall."""
    ppm = FOCAL * path.size / distance
    tall, across = rng.uniform(0.9, 3.2), 12.0
    height, width = int(tall * ppm), int(across * ppm)
    maker: Maker = (textures.foliage, textures.facade, textures.bricks, textures.stones)[rng.integers(4)]
    if rng.random() < 0.7:
        alpha = _skyline(rng, height, width, rng.uniform(0.25, 0.5), rng.uniform(0.05, 0.2))
    else:
        alpha = _posts(rng, height, width)
    alpha[:, [0, -1]] = 0
    origin = np.array([-across / 2, height_m - tall, distance])
    return Piece(
        "cutout", premultiply(maker(rng, height, width), alpha), path.plane(origin, X / ppm, Y / ppm), distance
    )


def _near(rng: np.random.Generator, path: CameraPath) -> Piece:
    """A bush or a post at the edge of the view, nearer than any person."""
    distance = float(rng.uniform(1.3, 1.7))
    ppm = 0.7 * FOCAL * path.size / distance
    side = int(0.8 * ppm)
    y, x = (np.mgrid[:side, :side].astype(np.float32) / side - np.float32(0.5)) * 2
    blob = 0.75 + 0.16 * fractal(rng, side, side, persistence=0.6) - np.hypot(x, y)
    maker: Callable[[np.random.Generator, int, int], U8] = textures.foliage
    alpha = np.clip(blob * side / 2 + 0.5, 0, 1)
    if rng.random() < 0.4:
        maker, alpha = textures.bricks, np.clip((0.2 - np.abs(x)) * side / 2 + 0.5, 0, 1) * (np.abs(y) < 0.98)
    edge = rng.choice([-1, 1]) * distance / FOCAL * rng.uniform(0.42, 0.6)
    origin = np.array([edge - 0.4, rng.uniform(-0.3, 0.4), distance])
    return Piece("near", premultiply(maker(rng, side, side), alpha), path.plane(origin, X / ppm, Y / ppm), distance)


def _parcel(rng: np.random.Generator, half: float, ppm: float) -> Sprite:
    side = int(2 * half * ppm) + 4
    alpha = np.zeros((side, side), np.float32)
    alpha[2:-2, 2:-2] = 1
    picture = textures.clutter(rng, side, side)
    middle = (side - 1) / 2
    return Sprite(premultiply(picture, alpha), (middle, middle), (middle, middle + 1), ppm)


def _skyline(rng: np.random.Generator, height: int, width: int, level: float, rough: float) -> F32:
    """(H, W) coverage below a random line at about `level` of the height from the top."""
    if rng.random() < 0.4:
        blocks = rng.normal(0, 1, int(rng.integers(6, 16)))
        line = np.repeat(blocks, -(-width // len(blocks)))[:width]
    else:
        line = fractal(rng, 64, width, persistence=0.5, levels=6)[32]
    edge = np.clip(level + rough * line, 0.02, 0.95) * height
    return np.clip(np.arange(height)[:, None] - edge + 0.5, 0, 1).astype(np.float32)


def _posts(rng: np.random.Generator, height: int, width: int) -> F32:
    pitch = max(8.0, width / rng.uniform(8, 22))
    x = np.arange(width) + rng.uniform(0, pitch)
    lean = 0.02 * np.sin(np.arange(height) / height * 3)[:, None] * pitch
    inside = rng.uniform(0.1, 0.22) * pitch - np.abs((x[None] + lean) % pitch - pitch / 2)
    return np.clip(inside + 0.5, 0, 1).astype(np.float32)
