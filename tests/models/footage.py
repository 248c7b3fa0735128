"""Clips for annotators: real footage, and scenes whose every point's motion is known."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from models.annotators.rle import encode_mask
from schemas.records import Frames, Mask

WIDTH, HEIGHT = 640, 360


def frames_of(yuv: np.ndarray, fps: Fraction = Fraction(30)) -> Frames:
    count = len(yuv)
    return Frames(yuv, np.arange(count), np.arange(count), 1 / fps, fps)


def no_frames() -> Frames:
    return frames_of(np.zeros((0, HEIGHT * 3 // 2, WIDTH), np.uint8))


def load(path: Path, count: int, start: int = 0, step: int = 1, short_side: int = 512) -> Frames:
    """Every `step`-th of the frames from `start`, scaled down to a shorter side."""
    pictures: list[np.ndarray] = []
    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index < start or (index - start) % step:
                continue
            scale = min(1.0, short_side / min(frame.width, frame.height))
            width, height = (round(v * scale / 2) * 2 for v in (frame.width, frame.height))
            pictures.append(frame.reformat(width, height, "yuv420p").to_ndarray())
            if len(pictures) == count:
                break
    return frames_of(np.stack(pictures))


def shifted(frames: Frames, dx: int, dy: int) -> Frames:
    """The same pictures moved by even numbers of pixels, the border repeated."""
    height = frames.height
    moved = []
    for yuv in frames.yuv_THW:
        planes = [yuv[:height], *yuv[height:].reshape(2, height // 2, frames.width // 2)]
        parts = []
        for plane, k in zip(planes, (1, 2, 2), strict=True):
            shift = np.array([[1, 0, dx / k], [0, 1, dy / k]], np.float32)
            parts.append(cv2.warpAffine(plane, shift, plane.shape[::-1], borderMode=cv2.BORDER_REPLICATE).ravel())
        moved.append(np.concatenate(parts).reshape(yuv.shape))
    return frames_of(np.stack(moved), frames.fps)


def halved(frames: Frames) -> Frames:
    """The same pictures at half the size; the luma alone, without colour."""
    height, width = frames.height // 2, frames.width // 2
    small = [cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA) for luma in frames.luma_THW]
    grey = np.full((height // 2, width), 128, np.uint8)
    return frames_of(np.stack([np.vstack([luma, grey]) for luma in small]), frames.fps)


def texture(seed: int, side: int = 1200) -> np.ndarray:
    """A grey picture with detail of every size."""
    noise = np.random.default_rng(seed)
    picture = np.full((side, side), 128.0, np.float32)
    for sigma, amplitude in ((1.5, 20), (4, 30), (12, 40), (40, 30)):
        layer = cv2.GaussianBlur(noise.standard_normal((side, side)).astype(np.float32), (0, 0), sigma)
        picture += amplitude * layer / layer.std()
    return np.clip(picture, 0, 255).astype(np.uint8)


Motion = Callable[[int], np.ndarray]


def motion(dx: float = 0, dy: float = 0, turn: float = 0, zoom: float = 1, side: int = 1200) -> Motion:
    """Camera motion per frame: px, px, radians, factor. Gives the (2, 3) map from texture to picture at a frame."""

    def at(frame: int) -> np.ndarray:
        scale = zoom**frame
        cos, sin = scale * np.cos(turn * frame), scale * np.sin(turn * frame)
        rotation = np.array([[cos, -sin], [sin, cos]])
        center = np.array([WIDTH / 2 + dx * frame, HEIGHT / 2 + dy * frame])
        return np.column_stack([rotation, center - rotation @ [side / 2, side / 2]])

    return at


def scene(camera: Motion, count: int, occluder: bool = False) -> tuple[Frames, tuple[Mask, ...]]:
    """A textured plane under a moving camera with sensor noise; an occluder with its own texture passes before it."""
    ground, figure = texture(0), texture(1)[:200, :90]
    noise = np.random.default_rng(2)
    pictures, encoded = [], []
    for frame in range(count):
        luma = cv2.warpAffine(ground, camera(frame), (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
        mask = np.zeros((HEIGHT, WIDTH), np.bool_)
        if occluder:
            left = 60 + 9 * frame
            luma[80:280, left : left + 90] = figure
            mask[80:280, left : left + 90] = True
        luma = np.clip(luma + noise.normal(0, 2, luma.shape), 0, 255).astype(np.uint8)
        pictures.append(np.vstack([luma, np.full((HEIGHT // 2, WIDTH), 128, np.uint8)]))
        encoded.append(encode_mask(mask))
    rle, area = (tuple(v) for v in zip(*encoded, strict=True))
    return frames_of(np.stack(pictures)), (Mask(rle, area, WIDTH, HEIGHT),) if occluder else ()
