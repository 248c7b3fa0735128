"""Opening a file as video and nothing else: no scripts, no other files, no hosts."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from schemas.config import LimitsConfig
from schemas.errors import MediaError
from schemas.reasons import SourceReason
from schemas.records import Container

# Containers and bare streams that hold media themselves. Formats that name other files or hosts
# (concat, hls, dash, sdp, image2 ...) are not among them.
_FORMATS = (
    "mov,mp4,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,h264,hevc,obu,ivf,flv,asf,ogg,mxf,gxf,nut,dv,rm,3gp,"
    "mjpeg,gif,wtv,yuv4mpegpipe,vc1,cavsvideo,amv,nsv,swf,mp3,aac,wav,flac,aiff,ac3,eac3,caf,amr,au,w64,ape,tta"
)
_SIGNATURES = ((4, b"ftyp"), (4, b"moov"), (4, b"mdat"), (0, b"\x1a\x45\xdf\xa3"), (0, b"RIFF"), (0, b"FLV"))
"""Offset and bytes by which a damaged container is told from something that never was one."""


@dataclass(frozen=True, slots=True)
class OpenedVideo:
    """An open container, its video stream, and what the header says of it (rotation is known from a frame on)."""

    container: InputContainer
    stream: VideoStream
    facts: Container

    @property
    def fps(self) -> Fraction:
        """Frame rate by the header; 25 if it gives none that can be."""
        for rate in (self.stream.average_rate, self.stream.guessed_rate):
            if rate is not None and Fraction(1, 10) <= rate <= 1000:
                return Fraction(rate)
        return Fraction(25)


def open_video(path: Path, limits: LimitsConfig) -> OpenedVideo:
    """Open the first real video stream of a local file.

    Raises MediaError with a code of `SourceReason` where there is none.
    """
    try:
        size_bytes = path.stat().st_size
        if size_bytes == 0:
            raise MediaError(SourceReason.EMPTY, f"{path.name}: the file is empty")
        if size_bytes > limits.max_bytes:
            raise MediaError(SourceReason.TOO_LARGE, f"{path.name}: {size_bytes} bytes are more than limits.max_bytes")
        container = av.open(
            str(path),
            mode="r",
            container_options={
                "protocol_whitelist": "file",
                "format_whitelist": _FORMATS,
                "max_streams": str(limits.max_streams),
            },
        )
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise MediaError(SourceReason.UNREADABLE, f"{path.name}: {error.strerror}") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise _not_opened(path, error) from error
    try:
        stream = _video_stream(container, path, limits)
    except MediaError:
        container.close()
        raise
    return OpenedVideo(container, stream, _facts(container, stream))


def _not_opened(path: Path, error: Exception) -> MediaError:
    with path.open("rb") as file:
        head = file.read(16)
    if any(head[at : at + len(mark)] == mark for at, mark in _SIGNATURES):
        return MediaError(SourceReason.DAMAGED, f"{path.name}: a video container, but it cannot be opened: {error}")
    return MediaError(SourceReason.NOT_VIDEO, f"{path.name}: not a video container that may be opened: {error}")


def _video_stream(container: InputContainer, path: Path, limits: LimitsConfig) -> VideoStream:
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        raise MediaError(SourceReason.NO_VIDEO_STREAM, f"{path.name}: no video stream in the container")
    stream = streams[0]
    context = stream.codec_context
    if context is None:
        raise MediaError(SourceReason.UNSUPPORTED_CODEC, f"{path.name}: no decoder for the video stream's codec")
    if context.width * context.height > limits.max_pixels:
        size = f"{context.width} x {context.height}"
        raise MediaError(SourceReason.TOO_LARGE, f"{path.name}: {size} pixels are more than limits.max_pixels")
    # The header may lie about the size: the decoder itself refuses larger pictures.
    context.options = {"max_pixels": str(limits.max_pixels)}
    # Frame threads decode sooner but burn about a tenth more CPU, and keep more pictures in memory; workers already
    # share out the cores.
    stream.thread_type = "SLICE"
    return stream


def _facts(container: InputContainer, stream: VideoStream) -> Container:
    context = stream.codec_context
    duration = None
    if stream.duration is not None and stream.time_base is not None:
        duration = float(stream.duration * stream.time_base)
    elif container.duration is not None:
        duration = container.duration / av.time_base
    aspect = stream.sample_aspect_ratio or context.sample_aspect_ratio
    return Container(
        format=container.format.name,
        codec=context.name,
        width=context.width,
        height=context.height,
        pixel_format=context.pix_fmt or "unknown",
        sample_aspect=Fraction(aspect) if aspect and Fraction(1, 8) <= aspect <= 8 else Fraction(1),
        rotation=0,
        average_fps=Fraction(stream.average_rate) if stream.average_rate else None,
        declared_frames=stream.frames or None,
        declared_duration_s=duration,
        has_audio=bool(container.streams.audio),
    )
