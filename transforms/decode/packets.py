"""Packet by packet decoding: a damaged packet costs itself, not the rest of the file."""

from __future__ import annotations

from collections.abc import Iterator

import av.error
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from transforms.decode.opening import OpenedVideo


class FrameReader:
    """Reads the frames of an opened video in presentation order, and counts.

    frames_decoded: frames handed out. damaged_packets: packets the decoder refused.
    broken: why reading ended before the end of the file, in words; None if it did not.
    """

    def __init__(self, video: OpenedVideo) -> None:
        self._video = video
        self.frames_decoded = 0
        self.damaged_packets = 0
        self.broken: str | None = None

    def __iter__(self) -> Iterator[VideoFrame]:
        for packet in self._packets():
            for frame in self._decode(packet):
                self.frames_decoded += 1
                yield frame

    def _packets(self) -> Iterator[Packet[VideoStream] | None]:
        try:
            yield from self._video.container.demux(self._video.stream)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            self.broken = f"reading broke off: {error}"
            yield None  # what the decoder still holds

    def _decode(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        try:
            return self._video.stream.codec_context.decode(packet)
        except av.error.EOFError:
            return []
        except (av.error.FFmpegError, ValueError):
            self.damaged_packets += 1
            return []
