"""H.264 in MP4 with short groups of pictures and a constant frame clock: frame i is shown at i / fps.

No B-frames, one encoder thread, no macroblock tree, no time stamps of the day: equal frames give equal bytes.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from schemas.arrays import U8
from schemas.config import MediaConfig
from schemas.records import Frames, Media
from transforms.decode.planes import matrix_of
from transforms.pixels import planes

_MATRIX = {"bt709": 1, "smpte170m": 6}
_LIMITED_RANGE = 1


def encode_h264(frames: Frames, config: MediaConfig) -> Media:
    """Encode a clip. Raises ValueError for a clip without frames."""
    if len(frames) == 0:
        raise ValueError("a clip without frames cannot be encoded")
    video = _mux(frames, config)
    return Media(
        video=video,
        codec="h264",
        container="mp4",
        width=frames.width,
        height=frames.height,
        fps=frames.fps,
        frames=len(frames),
        sha256=hashlib.sha256(video).hexdigest(),
    )


def _mux(frames: Frames, config: MediaConfig) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=frames.fps, options=_options(config))
        _describe(stream, frames)
        for index in range(len(frames)):
            picture = _picture(frames.yuv_THW[index], frames)
            picture.pts = index
            picture.time_base = 1 / frames.fps
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def _options(config: MediaConfig) -> dict[str, str]:
    # x264's assembly for the macroblock tree decides by what its memory held before: equal frames came out otherwise.
    x264 = f"keyint={config.gop}:min-keyint=1:bframes=0:threads=1:mbtree=0"
    return {"crf": str(config.crf), "preset": config.preset, "x264-params": x264}


def _describe(stream: VideoStream, frames: Frames) -> None:
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = frames.width, frames.height, "yuv420p"
    context.time_base = 1 / frames.fps
    context.thread_count = 1
    matrix = _MATRIX[frames.matrix]
    context.colorspace, context.color_primaries, context.color_trc = matrix, matrix, matrix
    context.color_range = _LIMITED_RANGE


def _picture(yuv_HW: U8, frames: Frames) -> VideoFrame:
    picture = VideoFrame(frames.width, frames.height, "yuv420p")
    for plane, pixels in zip(picture.planes, planes(yuv_HW), strict=True):
        _fill(memoryview(plane).cast("B"), plane.line_size, pixels)
    picture.colorspace, picture.color_range = _MATRIX[frames.matrix], _LIMITED_RANGE
    return picture


def _fill(memory: memoryview, line_size: int, pixels: U8) -> None:
    _pixels(memory, line_size, *pixels.shape)[:] = pixels


def _pixels(memory: memoryview, line_size: int, height: int, width: int) -> U8:
    """(height, width) view of a plane's memory."""
    return np.frombuffer(memory, np.uint8)[: height * line_size].reshape(height, line_size)[:, :width]


def decode_media(video: bytes) -> Iterator[U8]:
    """Frames of a stored video as (H * 3 // 2, W) uint8 I420, in order."""
    with av.open(io.BytesIO(video), "r", format="mp4") as container:
        container.streams.video[0].thread_type = "AUTO"
        for picture in container.decode(video=0):
            yield np.asarray(picture.to_ndarray(format="yuv420p"), dtype=np.uint8)


def decode_frames(video: bytes, fps: Fraction) -> Frames:
    """A stored video as `Frames` on its own clock (time base 1 / fps). Raises ValueError if frames are missing."""
    with av.open(io.BytesIO(video), "r", format="mp4") as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        size = stream.codec_context
        yuv_THW = np.empty((stream.frames, size.height * 3 // 2, size.width), np.uint8)
        decoded, matrix = 0, ""
        for yuv_HW, picture in zip(yuv_THW, container.decode(video=0), strict=False):
            decoded, matrix = decoded + 1, matrix_of(picture)
            for pixels, plane in zip(planes(yuv_HW), picture.reformat(format="yuv420p").planes, strict=True):
                pixels[:] = _pixels(memoryview(plane).cast("B"), plane.line_size, *pixels.shape)
    if not decoded or decoded < len(yuv_THW):
        raise ValueError(f"{decoded} frames of a stored video of {len(yuv_THW)} could be decoded")
    ticks = np.arange(decoded, dtype=np.int64)
    return Frames(yuv_THW, ticks, ticks, 1 / fps, fps, matrix)
