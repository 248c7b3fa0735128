"""Small test videos made with PyAV, and the moving pictures that go into them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""(H, W, 3) RGB."""


def write_video(
    path: Path,
    frames: Iterable[Picture],
    fps: Fraction | int = 25,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    pts: Iterable[int] | None = None,
    time_base: Fraction | None = None,
    sample_aspect: Fraction | None = None,
    rotation: int = 0,
    full_range: bool = False,
    audio: bool = False,
    options: dict[str, str] | None = None,
) -> Path:
    """Encode RGB pictures; returns the path.

    pts: presentation time stamps in `time_base` (default: 0, 1, 2, ... in 1 / fps).
    rotation: clockwise degrees a player must turn the picture by; written into an .mp4's track header.
    audio: adds a silent track.
    """
    fps = Fraction(fps)
    base = time_base or 1 / fps
    stamps = iter(pts) if pts is not None else None
    with av.open(str(path), "w") as container:
        stream: Any = None
        sound: Any = container.add_stream("aac", rate=16000, layout="mono") if audio else None
        count = 0
        for count, picture in enumerate(frames):
            if stream is None:
                defaults = {"preset": "veryfast", "crf": "18"} if codec == "libx264" else {}
                stream = container.add_stream(codec, rate=fps, options=defaults | (options or {}))
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = pix_fmt
                stream.time_base = stream.codec_context.time_base = base
                stream.codec_context.color_range = 2 if full_range else 1
                if sample_aspect:
                    stream.codec_context.sample_aspect_ratio = sample_aspect
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame = frame.reformat(format=pix_fmt, dst_color_range=2 if full_range else 1)
            frame.pts = next(stamps) if stamps is not None else count
            frame.time_base = base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            _mux_silence(container, sound, float((count + 1) / fps))
    if rotation:
        _set_rotation(path, rotation)
    return path


def write_audio(path: Path, seconds: float = 1.0) -> Path:
    """A file with a silent audio track and no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        _mux_silence(container, stream, seconds)
    return path


def texture(height: int = 144, width: int = 192, seed: int = 0, cell_px: int = 12) -> Picture:
    """A random coloured picture with structure at several scales."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3), np.float32)
    for scale, weight in ((4 * cell_px, 0.6), (cell_px, 0.3), (3, 0.1)):
        small = rng.random((height // scale + 2, width // scale + 2, 3), dtype=np.float32)
        total += weight * cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(total * 255, 0, 255).astype(np.uint8)


def moving(
    frames: int,
    height: int = 144,
    width: int = 192,
    seed: int = 0,
    velocity: tuple[float, float] = (1.0, 0.3),
) -> Iterator[Picture]:
    """A camera gliding over a texture. velocity: px per frame, (x, y)."""
    margin = 64
    ground = texture(height + 2 * margin, width + 2 * margin, seed)
    for index in range(frames):
        # The texture is mirrored at its borders, so that any velocity and length will do.
        shift = np.float32([[1, 0, -velocity[0] * index - margin], [0, 1, -velocity[1] * index - margin]])
        yield cv2.warpAffine(ground, shift, (width, height), borderMode=cv2.BORDER_REFLECT).astype(np.uint8)


def still(frames: int, picture: Picture) -> Iterator[Picture]:
    """The same picture again and again."""
    for _ in range(frames):
        yield picture


def colour(frames: int, height: int = 144, width: int = 192, value: int = 0) -> Iterator[Picture]:
    """One grey value all over: 0 is black, 255 white."""
    return still(frames, np.full((height, width, 3), value, np.uint8))


def cut(*shots: Iterable[Picture]) -> Iterator[Picture]:
    """Shots joined by hard cuts."""
    for shot in shots:
        yield from shot


def dissolve(before: Iterable[Picture], after: Iterable[Picture], overlap: int) -> Iterator[Picture]:
    """The last `overlap` frames of one shot mixed into the first of the next."""
    first, second = list(before), list(after)
    yield from first[: len(first) - overlap]
    for index in range(overlap):
        share = (index + 1) / (overlap + 1)
        mixed = (1 - share) * first[len(first) - overlap + index] + share * second[index].astype(np.float32)
        yield np.rint(mixed).astype(np.uint8)
    yield from second[overlap:]


def fade(shot: Iterable[Picture], fade_in: int = 0, fade_out: int = 0, value: int = 0) -> Iterator[Picture]:
    """A shot that comes out of one grey value over `fade_in` frames and goes into it over `fade_out`."""
    pictures = list(shot)
    for index, picture in enumerate(pictures):
        left = min(1.0, (index + 1) / (fade_in + 1))
        right = min(1.0, (len(pictures) - index) / (fade_out + 1))
        share = min(left, right)
        yield np.rint(share * picture.astype(np.float32) + (1 - share) * value).astype(np.uint8)


def _mux_silence(container: Any, stream: Any, seconds: float) -> None:
    for start in range(0, max(1024, int(seconds * 16000)), 1024):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 16000, start, Fraction(1, 16000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _set_rotation(path: Path, rotation: int) -> None:
    """Write a display matrix into the first track header (ISO 14496-12, tkhd version 0)."""
    cos, sin = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[rotation]
    matrix = [v << 16 for v in (cos, sin, 0, -sin, cos, 0)] + [0, 0, 1 << 30]
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    # Rows of the box are (a, b, u), (c, d, v), (x, y, w).
    data[at : at + 36] = struct.pack(">9i", *matrix)
    path.write_bytes(bytes(data))
