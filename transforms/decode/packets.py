"""Packet by packet decoding: a damaged packet costs itself, not the rest of the file."""

from __future__ import annotations

import time
from collections.abc import Iterator

import av.error
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from schemas.config import LimitsConfig
from transforms.decode.opening import OpenedVideo


class FrameReader:
    """Reads the frames of an opened video in presentation order, and counts.

    frames_decoded: frames handed out. damaged_packets: packets the decoder refused.
    broken: why reading ended before the end of the file, in words; None if it did not.
    exceeded: the limit at which reading was stopped, in words; None if it was not.
    """

    def __init__(self, video: OpenedVideo, limits: LimitsConfig) -> None:
        self._video, self._limits = video, limits
        self._spent_s = 0.0
        self.frames_decoded = 0
        self.damaged_packets = 0
        self.broken: str | None = None
        self.exceeded: str | None = None

    def __iter__(self) -> Iterator[VideoFrame]:
        batches = self._batches()
        while not self._exceeds():
            started = time.perf_counter()
            frames = next(batches, None)
            self._spent_s += time.perf_counter() - started
            if frames is None:
                return
            for frame in frames:
                if self._exceeds():
                    return
                self.frames_decoded += 1
                yield frame

    def _batches(self) -> Iterator[list[VideoFrame]]:
        """Frames by the packet that completed them."""
        for packet in self._packets():
            yield self._decode(packet)

    def _exceeds(self) -> bool:
        limits, frames = self._limits, self.frames_decoded
        if frames >= limits.max_frames:
            self.exceeded = f"more frames than limits.max_frames, {limits.max_frames}"
        elif frames / self._video.fps > limits.max_duration_s:
            self.exceeded = f"longer than limits.max_duration_s, {limits.max_duration_s:g} s"
        elif self._spent_s > limits.max_decode_s:
            self.exceeded = f"decoding took longer than limits.max_decode_s, {limits.max_decode_s:g} s"
        return self.exceeded is not None

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
