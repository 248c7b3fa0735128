"""Procedural textures with the statistics of photographs: detail at every scale, correlated natural colours.

Every maker takes (rng, height, width) and returns (H, W, 3) uint8 RGB.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from schemas.arrays import F32, U8
from transforms.synthesis.noise import fractal

Maker = Callable[[np.random.Generator, int, int], U8]
_LEAVES = 4000
_HUES = (15, 25, 30, 38, 45, 75, 110, 150, 195, 210, 220, 250, 345)


def palette(rng: np.random.Generator, count: int, *, hue: float | None = None, saturation: float = 0.5) -> U8:
    """(count, 3) uint8 RGB colours around one hue (degrees), from dark to bright."""
    base = float(rng.choice(_HUES) + rng.normal(0, 14)) if hue is None else hue
    hsv = np.empty((1, count, 3), np.float32)
    hsv[0, :, 0] = (base + rng.normal(0, 22, count)) % 360
    hsv[0, :, 1] = rng.uniform(0.25, 1.0, count) * saturation
    hsv[0, :, 2] = np.sort(rng.uniform(0.12, 0.95, count))
    return _u8(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0] * 255)


def colour_map(field: F32, colours: U8) -> U8:
    """Paint a unit-deviation (H, W) field with a ramp of colours."""
    stops = np.linspace(0, 255, len(colours))
    ramp = np.stack([np.interp(np.arange(256), stops, colours[:, c]) for c in range(3)], -1)
    index = cv2.convertScaleAbs(field + np.float32(2.5), alpha=255 / 5)
    return np.asarray(cv2.applyColorMap(index, ramp.astype(np.uint8)[:, None]), np.uint8)


def lit(rng: np.random.Generator, picture: U8 | F32, *, grain: float = 0.05, light: float = 0.22) -> U8:
    """Uneven light and fine detail over a picture, so that no part of it is flat."""
    height, width = picture.shape[:2]
    coarse = fractal(rng, height // 16 + 2, width // 16 + 2, persistence=0.4)
    shade = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * np.float32(light)
    shade += fractal(rng, height, width, persistence=0.8, levels=4) * np.float32(grain)
    np.clip(shade, -0.75, 0.75, out=shade)
    shade += np.float32(1)
    return np.asarray(cv2.multiply(picture, cv2.merge([shade] * 3), dtype=cv2.CV_8U), np.uint8)


def scape(rng: np.random.Generator, height: int, width: int) -> U8:
    """Marble, clouds, earth: a colour ramp over fractal noise."""
    field = fractal(rng, height, width, persistence=float(rng.uniform(0.5, 0.72)))
    return lit(rng, colour_map(field, palette(rng, 6)))


def sky(rng: np.random.Generator, height: int, width: int) -> U8:
    """A gradient with clouds."""
    hue = rng.choice([205.0, 215.0, 25.0])
    colours = palette(rng, 3, hue=float(hue), saturation=0.55).astype(np.float32)
    t = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    gradient = colours[1] * (1 - t) + np.maximum(colours[2], 150) * t
    cloud = np.clip(fractal(rng, height, width, persistence=0.6) * 0.5 + rng.uniform(-0.2, 0.5), 0, 1)[..., None]
    return lit(rng, _u8(gradient * (1 - cloud * 0.8) + 245 * 0.8 * cloud), light=0.05, grain=0.03)


def stones(rng: np.random.Generator, height: int, width: int) -> U8:
    """Rubble and cobbles: a Voronoi diagram with dark joints."""
    count = int(rng.integers(120, 900))
    seeds = np.full((height, width), 255, np.uint8)
    seeds[rng.integers(0, height, count), rng.integers(0, width, count)] = 0
    distance, found = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    label = np.asarray(found, np.int32)
    tones = palette(rng, 5, saturation=0.35)[rng.integers(0, 5, label.max() + 1)]
    tones = _u8(tones * rng.uniform(0.75, 1.2, (len(tones), 1)))
    cells = label.astype(np.float32)
    joint = cv2.dilate(cells, np.ones((3, 3))) != cv2.erode(cells, np.ones((3, 3)))
    relief = 1.15 - distance * np.float32(0.17 * np.sqrt(2 * count / distance.size))
    relief[joint] *= 0.35
    picture = cv2.multiply(np.take(tones, label, axis=0), cv2.merge([relief] * 3), dtype=cv2.CV_8U)
    return lit(rng, np.asarray(cv2.blur(picture, (2, 2)), np.uint8), grain=0.1)


def bricks(rng: np.random.Generator, height: int, width: int) -> U8:
    """Bricks, tiles or planks in rows, each of its own tone, with joints."""
    row = int(rng.integers(max(8, height // 40), max(10, height // 10)))
    length = int(row * rng.uniform(1.0, 6.0))
    rows = np.arange(height) // row
    shift = (
        np.where(rows % 2, length // 2, 0) if rng.random() < 0.7 else rng.integers(0, length, height // row + 1)[rows]
    )
    along = np.arange(width)[None] + shift[:, None]
    cell = rows[:, None] * 997 + along // length
    tones = palette(rng, 4, hue=float(rng.choice([12, 25, 35, 210])), saturation=0.6)
    colours = tones[rng.integers(0, 4, 1021)] * rng.uniform(0.7, 1.15, (1021, 1))
    picture = _u8(colours)[cell % 1021]
    gap = max(1, row // 12)
    joint = ((np.arange(height) % row) < gap)[:, None] | ((along % length) < gap)
    picture[joint] = rng.uniform(0.3, 1.4) * palette(rng, 1, saturation=0.1)[0] * 0.6
    return lit(rng, picture, grain=0.12)


def foliage(rng: np.random.Generator, height: int, width: int) -> U8:
    """Leaves or grass: many small ellipses from dark to bright."""
    colours = palette(rng, 24, hue=float(rng.choice([70, 95, 110, 40])), saturation=0.75)
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = colours[0] // 2
    leaf = max(2.0, min(height, width) * rng.uniform(0.012, 0.035))
    count = int(min(_LEAVES, 2.5 * height * width / leaf**2))
    at = rng.integers(0, (width, height), (count, 2)).tolist()
    axes = np.maximum(1, rng.uniform(0.4, 1.3, (count, 2)) * (leaf, leaf * 0.45)).astype(int).tolist()
    tilt = rng.normal(rng.uniform(0, 180), 50, count).tolist()
    tones = colours[np.minimum(23, 24 * np.linspace(0, 1, count) * rng.uniform(0.6, 1.1, count)).astype(int)].tolist()
    for i in range(count):
        cv2.ellipse(picture, at[i], axes[i], tilt[i], 0, 360, tones[i], -1, cv2.LINE_AA)
    return lit(rng, picture, grain=0.08)


def facade(rng: np.random.Generator, height: int, width: int) -> U8:
    """A house front: a grid of windows, some lit, with sills."""
    picture = scape(rng, height, width) // 2 + palette(rng, 3, saturation=0.3)[1] // 2
    pitch = np.array([rng.uniform(0.07, 0.2), rng.uniform(0.06, 0.16)]) * min(height, width)
    share = rng.uniform(0.4, 0.75, 2)
    panes = palette(rng, 6, hue=float(rng.choice([210, 45, 200])), saturation=0.5)
    for y in np.arange(pitch[1] / 3, height, pitch[1]):
        for x in np.arange(pitch[0] / 4, width, pitch[0]):
            a, b = (int(x), int(y)), (int(x + pitch[0] * share[0]), int(y + pitch[1] * share[1]))
            cv2.rectangle(picture, a, b, panes[rng.integers(0, 6)].tolist(), -1)
            cv2.rectangle(picture, a, b, (picture[0, 0] // 3).tolist(), max(1, int(pitch[0] / 18)))
            cv2.line(picture, ((a[0] + b[0]) // 2, a[1]), ((a[0] + b[0]) // 2, b[1]), (225, 225, 220), 1, cv2.LINE_AA)
            cv2.line(picture, (a[0] - 2, b[1] + 2), (b[0] + 2, b[1] + 2), (205, 200, 190), max(1, int(pitch[1] / 20)))
    return lit(rng, picture, grain=0.06)


def clutter(rng: np.random.Generator, height: int, width: int) -> U8:
    """A shelf, a street, a stall: boxes, discs, bars and lettering over a soft ground."""
    picture = scape(rng, height, width)
    unit = min(height, width)
    for _ in range(int(rng.integers(25, 80))):
        colour = [int(c) for c in rng.integers(10, 245, 3)]
        x, y = (int(v) for v in rng.integers(0, (width, height)))
        w, h = (int(v) for v in rng.uniform(0.02, 0.16, 2) * unit + 2)
        kind = rng.integers(0, 4)
        if kind == 0:
            cv2.rectangle(picture, (x, y), (x + w, y + h), colour, -1)
            cv2.rectangle(picture, (x, y), (x + w, y + h), [c // 2 for c in colour], 1, cv2.LINE_AA)
        elif kind == 1:
            cv2.ellipse(picture, (x, y), (w // 2 + 1, h // 2 + 1), 0, 0, 360, colour, -1, cv2.LINE_AA)
        elif kind == 2:
            end = (x + int(rng.normal(0, 2 * w)), y + int(rng.normal(0, 2 * h)))
            cv2.line(picture, (x, y), end, colour, max(1, h // 12), cv2.LINE_AA)
        else:
            word = "".join(chr(c) for c in rng.integers(65, 91, int(rng.integers(2, 7))))
            cv2.putText(picture, word, (x, y), int(rng.integers(0, 5)), h / 30, colour, max(1, h // 18), cv2.LINE_AA)
    return lit(rng, np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.6), np.uint8), grain=0.05)


def checker(rng: np.random.Generator, height: int, width: int) -> U8:
    """Two-tone tiles with worn faces."""
    side = int(min(height, width) * rng.uniform(0.05, 0.14)) + 4
    colours = palette(rng, 4, saturation=0.35)
    which = (np.arange(height)[:, None] // side + np.arange(width)[None] // side) % 2
    picture = colours[[1, 3]][which]
    joint = ((np.arange(height) % side) < 1)[:, None] | ((np.arange(width) % side) < 1)[None]
    picture[joint] //= 2
    worn = scape(rng, height, width)
    return np.asarray(cv2.addWeighted(picture, 0.72, worn, 0.28, 0), np.uint8)


WALLS: tuple[Maker, ...] = (stones, bricks, foliage, facade, clutter, scape, clutter, facade)
FLOORS: tuple[Maker, ...] = (stones, bricks, foliage, checker, scape)


def _u8(values: np.ndarray) -> U8:
    return np.asarray(np.clip(values, 0, 255), np.uint8)
