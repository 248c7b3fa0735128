"""Packet by packet decoding: a damaged packet costs itself, not the rest of the file."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator

import av.error
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from schemas.config import LimitsConfig
from transforms.decode.opening import OpenedVideo
from transforms.decode.rate import frame_rate
from transforms.words import in_words

_LOOKED_AT, _LOOKED_AT_BYTES = 256, 32 << 20
"""What is read ahead for the sake of the time stamps, at most."""


class FrameReader:
    """Reads the frames of an opened video in presentation order, and counts.

    fps: by the header and the time stamps of the first packets. frames_decoded: frames handed out.
    refused_packets: packets the decoder refused. marred_packets: others that the container or the decoder marked as
    damaged; damage that a decoder conceals without a word cannot be seen.
    broken: why reading ended before the end of the file, in words; None if it did not.
    exceeded: the limit at which reading was stopped, in words; None if it was not.
    """

    def __init__(self, video: OpenedVideo, limits: LimitsConfig) -> None:
        self._video, self._limits = video, limits
        self._spent_s = 0.0
        self.frames_decoded = 0
        self.refused_packets = self.marred_packets = 0
        self._damaged_pts: set[int] = set()
        self.broken: str | None = None
        self.exceeded: str | None = None
        self._packets = self._read()
        self._ahead = _beginning(self._packets)
        stamps = [packet.pts for packet in self._ahead if packet is not None and packet.size]
        self.fps = frame_rate(video.header_rates, stamps, video.stream.time_base)

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
        while self._ahead:
            yield self._decode(self._ahead.popleft())
        for packet in self._packets:
            yield self._decode(packet)

    def _exceeds(self) -> bool:
        limits, frames = self._limits, self.frames_decoded
        if frames >= limits.max_frames:
            self.exceeded = f"more frames than limits.max_frames, {limits.max_frames}"
        elif frames / self.fps > limits.max_duration_s:
            self.exceeded = f"longer than limits.max_duration_s, {limits.max_duration_s:g} s"
        elif self._spent_s > limits.max_decode_s:
            self.exceeded = f"decoding took longer than limits.max_decode_s, {limits.max_decode_s:g} s"
        return self.exceeded is not None

    def _read(self) -> Iterator[Packet[VideoStream] | None]:
        try:
            yield from self._video.container.demux(self._video.stream)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            self.broken = f"reading broke off: {in_words(error)}"
            yield None  # what the decoder still holds

    def _decode(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        try:
            frames = self._video.stream.codec_context.decode(packet)
        except av.error.EOFError:
            return []
        except (av.error.FFmpegError, ValueError):
            self.refused_packets += 1
            self._is_new(packet.pts if packet is not None else None)
            return []
        marred = [packet.pts] if packet is not None and packet.is_corrupt else []
        marred += [frame.pts for frame in frames if frame.is_corrupt]
        self.marred_packets += sum(map(self._is_new, marred))
        return frames

    def _is_new(self, pts: int | None) -> bool:
        """Whether this is the first word of the damage: a packet and its picture bear one time stamp."""
        new = pts is None or pts not in self._damaged_pts
        if pts is not None:
            self._damaged_pts.add(pts)
        return new


def _beginning(packets: Iterator[Packet[VideoStream] | None]) -> deque[Packet[VideoStream] | None]:
    """The first packets, taken from the iterator."""
    taken: deque[Packet[VideoStream] | None] = deque()
    size_bytes = 0
    for packet in packets:
        taken.append(packet)
        size_bytes += packet.size if packet is not None else 0
        if len(taken) == _LOOKED_AT or size_bytes >= _LOOKED_AT_BYTES:
            break
    return taken
