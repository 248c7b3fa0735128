"""Opening a file as video and nothing else: no scripts, no other files, no hosts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.container import InputContainer
from av.format import Flags
from av.stream import Disposition
from av.video.stream import VideoStream

from schemas.config import LimitsConfig
from schemas.errors import MediaError
from schemas.reasons import SourceReason
from schemas.records import Container
from transforms.decode.formats import FORMATS
from transforms.decode.rate import frame_rate
from transforms.words import in_words

_SIGNATURES = ((4, b"ftyp"), (4, b"moov"), (4, b"mdat"), (0, b"\x1a\x45\xdf\xa3"), (0, b"RIFF"), (0, b"FLV"))
"""Offset and bytes by which a damaged container is told from something that never was one."""
_TAG = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class OpenedVideo:
    """An open container, its video stream, and what the header says of it (rotation is known from a frame on).

    promised_s: when the video ends by the header, seconds; None where it says so of all streams together only.
    """

    container: InputContainer
    stream: VideoStream
    facts: Container
    promised_s: float | None

    @property
    def fps(self) -> Fraction:
        """Frame rate by the header; 25 if it gives none that can be."""
        return frame_rate(self.header_rates, (), None)

    @property
    def header_rates(self) -> tuple[Fraction | None, Fraction | None]:
        """Frame rates by the header, the best first."""
        return self.stream.average_rate, self.stream.guessed_rate


def open_video(path: Path, limits: LimitsConfig) -> OpenedVideo:
    """Open the first real video stream of a local file.

    Raises MediaError with a code of `SourceReason` where there is none.
    """
    try:
        size_bytes = path.stat().st_size
        if size_bytes == 0:
            raise MediaError(SourceReason.EMPTY, "the file is empty")
        if size_bytes > limits.max_bytes:
            raise MediaError(SourceReason.TOO_LARGE, f"{size_bytes} bytes are more than limits.max_bytes")
        container = av.open(
            str(path),
            mode="r",
            container_options={
                "protocol_whitelist": "file",
                "format_whitelist": FORMATS,
                "max_streams": str(limits.max_streams),
            },
        )
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise MediaError(SourceReason.UNREADABLE, in_words(error)) from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise _not_opened(path, error) from error
    try:
        stream = _video_stream(container, limits)
    except MediaError:
        container.close()
        raise
    promised_s = _promised_s(container, stream)
    return OpenedVideo(container, stream, _facts(container, stream, promised_s), promised_s)


def _not_opened(path: Path, error: Exception) -> MediaError:
    with path.open("rb") as file:
        head = file.read(16)
    if any(head[at : at + len(mark)] == mark for at, mark in _SIGNATURES):
        return MediaError(SourceReason.DAMAGED, f"a video, but it cannot be opened: {in_words(error)}")
    return MediaError(SourceReason.NOT_VIDEO, f"not a video that can be read: {in_words(error)}")


def _video_stream(container: InputContainer, limits: LimitsConfig) -> VideoStream:
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        raise MediaError(SourceReason.NO_VIDEO_STREAM, "no video stream in the container")
    stream = streams[0]
    context = stream.codec_context
    if context is None:
        raise MediaError(SourceReason.UNSUPPORTED_CODEC, "no decoder for the video stream's codec")
    if context.width * context.height > limits.max_pixels:
        size = f"{context.width} x {context.height}"
        raise MediaError(SourceReason.TOO_LARGE, f"{size} pixels are more than limits.max_pixels")
    # The header may lie about the size: the decoder itself refuses larger pictures.
    context.options = {"max_pixels": str(limits.max_pixels)}
    # Frame threads decode sooner but burn about a tenth more CPU, and keep more pictures in memory; workers already
    # share out the cores.
    stream.thread_type = "SLICE"
    return stream


def _promised_s(container: InputContainer, stream: VideoStream) -> float | None:
    if Flags.no_timestamps in Flags(container.format.flags):  # guessed from the size of the file
        return None
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    # Matroska has no other place for it.
    if (tag := _TAG.fullmatch(stream.metadata.get("DURATION", ""))) and float(tag[3]) + int(tag[2]) + int(tag[1]):
        return 3600 * int(tag[1]) + 60 * int(tag[2]) + float(tag[3])
    if container.duration is not None and len(container.streams) == 1:
        return container.duration / av.time_base
    return None


def _facts(container: InputContainer, stream: VideoStream, promised_s: float | None) -> Container:
    context = stream.codec_context
    duration = promised_s
    if duration is None and container.duration is not None:
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
