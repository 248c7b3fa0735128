"""Clips of known content, made without a file: a textured ground seen by a moving camera."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import cv2
import numpy as np

from schemas.records import Clip, Frames, Source, Span
from schemas.scores import Scores
from tests.video_files import Picture, texture

FPS = Fraction(30)
HEIGHT, WIDTH = 180, 320


def clip_of(pictures: Iterable[Picture], fps: Fraction = FPS) -> Clip:
    """A candidate clip of RGB pictures, as the decoder would hand it over."""
    yuv = np.stack([cv2.cvtColor(np.ascontiguousarray(p), cv2.COLOR_RGB2YUV_I420) for p in pictures])
    count = len(yuv)
    stamps = np.arange(count)
    frames = Frames(yuv.astype(np.uint8), stamps, stamps, 1 / fps, fps)
    span = Span(0, count, Fraction(0), count / fps)
    scores = Scores(
        duration_s=float(count / fps), short_side=min(frames.width, frames.height), luminance=0.5, contrast=0.2
    )
    source = Source("scene.mp4", "0" * 64, 1)
    return Clip(source, 0, 0, span, span, frames.width, frames.height, fps, count, frames, scores)


def ground(height: int = HEIGHT, width: int = WIDTH, seed: int = 1) -> Picture:
    """A textured picture, crisp at the finest scale."""
    rng = np.random.default_rng(seed)
    tiles = cv2.resize(rng.integers(40, 216, (height // 4, width // 4, 3), np.uint8), (width, height), interpolation=0)
    return np.asarray(cv2.addWeighted(texture(height, width, seed), 0.5, tiles, 0.5, 0), np.uint8)


def seen_through(
    picture: Picture, maps: Iterable[np.ndarray], height: int = HEIGHT, width: int = WIDTH
) -> list[Picture]:
    """What a camera sees of a larger picture; each (2, 3) map takes its pixels to those of the view."""
    return [
        np.asarray(cv2.warpAffine(picture, m, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8) for m in maps
    ]


def panning(
    speed_px: float, frames: int = 45, height: int = HEIGHT, width: int = WIDTH, seed: int = 1
) -> list[Picture]:
    """A camera that pans to the right by so many px per frame."""
    wide = ground(height, width + int(abs(speed_px) * frames) + 2, seed)
    maps = [np.array([[1, 0, -speed_px * t], [0, 1, 0]], np.float32) for t in range(frames)]
    return seen_through(wide, maps, height, width)
