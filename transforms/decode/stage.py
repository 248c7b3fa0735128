"""The first stage of curation: a source becomes candidate clips and, last, a report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import cv2
from av.video.frame import VideoFrame

from schemas.config import Config
from schemas.errors import MediaError
from schemas.outcomes import Heartbeat, Kept, Outcome
from schemas.reasons import SourceReason, Verdict, verdict_of
from schemas.records import Clip, Source, SourceReport
from transforms.decode.clock import Clock, clock_rate
from transforms.decode.geometry import clockwise, geometry
from transforms.decode.opening import OpenedVideo, open_video
from transforms.decode.packets import FrameReader
from transforms.decode.planes import PlaneReader, matrix_of
from transforms.decode.segment import Segment, Stream, Tally
from transforms.decode.timestamps import Timestamps
from transforms.stage import Resources, Stage

_HEARTBEAT_FRAMES = 256
_MISSING_S, _MISSING_SHARE = 1.0, 0.1
"""More than both must be missing at the end before a file is said to end early."""


class Decode(Stage[Source, Clip | SourceReport | Heartbeat]):
    """Decodes every frame of a source once; gives its candidate clips as they are found, then one SourceReport.

    Clips carry frames at working size and the scores that cost nothing more: length, size, brightness, contrast,
    black and frozen frames. Memory does not depend on the length of the source.
    """

    name: ClassVar[str] = "decode"
    accepts: ClassVar[type] = Source
    resources: ClassVar[Resources] = Resources(memory_mb=768)

    def __init__(self, config: Config) -> None:
        self._config = config

    def setup(self) -> None:
        """One OpenCV thread in this process: for pictures of this size more threads only burn time in waiting."""
        cv2.setNumThreads(1)

    def process(self, item: Source) -> Iterator[Outcome[Clip | SourceReport | Heartbeat]]:
        """Candidates in order of their index, heartbeats between them, and the report at the end."""
        try:
            video = open_video(Path(item.file), self._config.limits)
        except MediaError as error:
            reason = SourceReason(error.reason)
            yield Kept(SourceReport(item, verdict_of(reason), reason, str(error)))
            return
        with video.container:
            yield from _Decoding(item, self._config, video).run()


class _Decoding:
    """One source on its way through."""

    def __init__(self, source: Source, config: Config, video: OpenedVideo) -> None:
        self._source, self._config, self._video = source, config, video
        self._reader, self._planes, self._tally = FrameReader(video, config.limits), PlaneReader(), Tally()
        fps = self._reader.fps
        self._rate = clock_rate(fps, config.frames.max_fps)
        self._time_base = video.stream.time_base or 1 / fps
        self._stamps = Timestamps(self._time_base, fps)
        self._facts = replace(video.facts, average_fps=fps) if video.facts.average_fps else video.facts
        self._first_pts = self._last_pts = self._end_pts = 0

    def run(self) -> Iterator[Outcome[Clip | SourceReport | Heartbeat]]:
        for clip in self._clips():
            yield Kept(clip)
            del clip
        yield Kept(self._report())

    def _clips(self) -> Iterator[Clip | Heartbeat]:
        segment: Segment | None = None
        clock = Clock(self._rate, self._time_base)
        for index, frame in enumerate(self._reader):
            pts = self._stamps.repair(frame.pts)
            if index == 0:
                self._meet(frame, pts)
            self._last_pts = pts
            self._end_pts = pts + max(frame.duration or 0, self._stamps.step)
            if index % _HEARTBEAT_FRAMES == 0:
                yield Heartbeat(float(pts * self._time_base))
            ticks = clock.advance(pts)
            if not ticks.here:
                continue
            if segment is not None and (ticks.gap or not segment.geometry.fits(frame)):
                yield from segment.finish()
                self._tally.cut_times_s.append(float(pts * self._time_base))
                segment = None
            if segment is None:
                segment = self._segment(frame)
            yield from segment.add(self._planes.read(frame), pts, index, ticks)
        if segment is not None:
            yield from segment.finish()

    def _meet(self, frame: VideoFrame, pts: int) -> None:
        """The first frame tells what the header does not."""
        self._first_pts = pts
        self._matrix = matrix_of(frame)
        self._facts = replace(self._facts, pixel_format=frame.format.name, rotation=clockwise(frame))

    def _segment(self, frame: VideoFrame) -> Segment:
        facts, short_side = self._facts, self._config.frames.short_side
        size = geometry(frame.width, frame.height, facts.rotation, facts.sample_aspect, short_side)
        stream = Stream(self._source, self._config, self._rate, self._time_base, self._matrix)
        return Segment(stream, size, self._tally)

    def _report(self) -> SourceReport:
        reader, tally = self._reader, self._tally
        reason, detail = _judged(reader, self._ends_early())
        seconds: Fraction | None = None
        if reader.frames_decoded:
            seconds = (self._last_pts - self._first_pts) * self._time_base + 1 / reader.fps
        return SourceReport(
            self._source,
            verdict=verdict_of(reason) if reason else Verdict.DONE,
            reason=reason,
            detail=detail,
            container=self._facts,
            duration_s=float(seconds) if seconds is not None else None,
            frames_decoded=reader.frames_decoded,
            damaged_packets=reader.refused_packets + reader.marred_packets,
            shots=tally.shots,
            clips=tally.clips,
            cut_times_s=tuple(tally.cut_times_s),
        )

    def _ends_early(self) -> str | None:
        """That the video is clearly shorter than the header promises, in words; None if it is not."""
        promised_s, reached_s = self._video.promised_s, float(self._end_pts * self._time_base)
        if promised_s is None or promised_s - reached_s <= max(_MISSING_S, _MISSING_SHARE * promised_s):
            return None
        return f"the video ends at {reached_s:.1f} s of {promised_s:.1f} s"


def _judged(reader: FrameReader, ends_early: str | None) -> tuple[SourceReason | None, str | None]:
    """Why the source is no use, if so, and what is to be said of it."""
    damage = [f"{_packets(reader.refused_packets)} could not be decoded"] if reader.refused_packets else []
    damage += [f"{_packets(reader.marred_packets)} came damaged"] if reader.marred_packets else []
    damage += [reader.broken] if reader.broken else []
    if reader.exceeded:
        return SourceReason.TOO_LARGE, "; ".join([f"{reader.exceeded}; clips before that stay", *damage])
    if reader.frames_decoded > 1:
        return None, "; ".join([*damage, *filter(None, [ends_early])]) or None
    if damage:
        return SourceReason.DAMAGED, "; ".join(damage)
    if reader.frames_decoded == 1:
        return SourceReason.TOO_SHORT, "a single frame"
    return SourceReason.NO_FRAMES, "the video stream holds no frames"


def _packets(count: int) -> str:
    return "1 packet" if count == 1 else f"{count} packets"
