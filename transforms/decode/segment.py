"""Frames, boundaries and the division of shots come together as candidate clips."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from schemas.config import Config
from schemas.records import Clip, Frames, Source, Span
from transforms.decode.arena import Arena
from transforms.decode.clock import Rate, Ticks
from transforms.decode.geometry import Geometry
from transforms.decode.planes import Planes
from transforms.decode.scaling import split, write_working
from transforms.decode.small import SmallPictures
from transforms.decode.statistics import FrameStatistics, clip_scores
from transforms.shots.boundary import Boundary
from transforms.shots.detector import ShotDetector
from transforms.shots.division import Divider, Piece, clip_lengths

_Mark = tuple[int, int]
"""Time stamp and source frame."""


@dataclass(slots=True)
class Tally:
    """What was found so far in a source. cut_times_s: one time per boundary between shots."""

    clips: int = 0
    shots: int = 0
    cut_times_s: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Stream:
    """What all segments of a source share. matrix: YUV matrix of the working frames."""

    source: Source
    config: Config
    rate: Rate
    time_base: Fraction
    matrix: str


class Segment:
    """Candidate clips of a run of frames that have one geometry and follow each other without a gap.

    Clips come as soon as they are sure. Frames of a clip are views; what they look at is used again for later
    frames only when nobody holds them any more.
    """

    def __init__(self, stream: Stream, geometry: Geometry, tally: Tally) -> None:
        self._stream, self.geometry, self._tally = stream, geometry, tally
        self._edge = stream.config.clips.edge_frames
        self._lengths = clip_lengths(stream.config.clips, stream.rate.fps)
        self._detector = ShotDetector(stream.config.shots, float(stream.rate.fps))
        self._small = SmallPictures(geometry.width, geometry.height)
        self._statistics = FrameStatistics()
        held = self._lengths.greatest + self._lengths.least + self._detector.delay + 2 * self._edge
        self._arena = Arena(held + 2 * stream.rate.longest_gap, geometry.width, geometry.height)
        self._divider = Divider(self._lengths, 0)
        self._shot_start = 0
        self._shot_mark: _Mark | None = None

    def add(self, planes: Planes, pts: int, source_frame: int, ticks: Ticks) -> Iterator[Clip]:
        """Take in the next frame; clips that are now sure."""
        boundaries = self._store(planes, pts, source_frame, ticks)
        for boundary in boundaries:
            yield from self._end_shot(boundary)
        limit = self._detector.settled - self._edge
        yield from self._clips(self._divider.advance(limit), limit)

    def finish(self) -> Iterator[Clip]:
        """The end of the run; the clips that are left."""
        end = self._arena.end
        for boundary in self._detector.finish(end):
            yield from self._end_shot(boundary)
        if end > self._shot_start:
            yield from self._clips(self._divider.close(end), end)
            self._tally.shots += 1

    def _store(self, planes: Planes, pts: int, source_frame: int, ticks: Ticks) -> list[Boundary]:
        geometry, arena = self.geometry, self._arena
        for _ in range(ticks.repeat):
            arena.repeat()
        tick = arena.end
        row = arena.append(pts, source_frame)
        write_working(planes, geometry, row)
        small = self._small.make(split(row, geometry.width, geometry.height))
        arena.describe(self._statistics.measure(small[: self._small.height]))
        for _ in range(ticks.here - 1):
            arena.repeat()
        if self._shot_mark is None:
            self._shot_mark = pts, source_frame
        return self._detector.push(tick, small)

    def _end_shot(self, boundary: Boundary) -> Iterator[Clip]:
        arena, tally = self._arena, self._tally
        if boundary.start > self._shot_start:
            yield from self._clips(self._divider.close(boundary.start - self._edge), boundary.start)
            tally.shots += 1
            times = [self._time(arena.stamp(tick)[0]) for tick in (boundary.start, min(boundary.end, arena.end - 1))]
            tally.cut_times_s.append(float(sum(times) / 2))
        self._shot_start = boundary.end
        self._shot_mark = arena.stamp(boundary.end) if boundary.end < arena.end else None
        self._divider = Divider(self._lengths, boundary.end + self._edge)
        arena.drop_before(boundary.end)

    def _clips(self, pieces: list[Piece], shot_end: int) -> Iterator[Clip]:
        for start, end in pieces:
            yield self._clip(start, end, shot_end)
            self._arena.drop_before(end)

    def _clip(self, start: int, end: int, shot_end: int) -> Clip:
        stream, geometry, tally = self._stream, self.geometry, self._tally
        yuv, pts, source_frames, statistics = self._arena.take(start, end)
        seconds = float((end - start) / stream.rate.fps)
        tally.clips += 1
        assert self._shot_mark is not None
        return Clip(
            source=stream.source,
            index=tally.clips - 1,
            shot=tally.shots,
            shot_span=self._span(self._shot_mark, shot_end),
            span=self._span((int(pts[0]), int(source_frames[0])), end),
            width=geometry.width,
            height=geometry.height,
            fps=stream.rate.fps,
            frame_count=end - start,
            frames=Frames(yuv, pts, source_frames, stream.time_base, stream.rate.fps, stream.matrix),
            scores=clip_scores(statistics, seconds, geometry.short_side),
            pts_T=tuple(pts.tolist()),
            time_base=stream.time_base,
        )

    def _span(self, first: _Mark, end: int) -> Span:
        """From a frame to the tick `end`, exclusive: up to the frame shown there, or one tick past the last."""
        last_pts, last_frame = self._arena.stamp(end - 1)
        next_pts, next_frame = self._arena.stamp(end) if end < self._arena.end else (last_pts, last_frame)
        over = self._time(next_pts) if next_pts > last_pts else self._time(last_pts) + 1 / self._stream.rate.fps
        return Span(first[1], max(next_frame, last_frame + 1), self._time(first[0]), over)

    def _time(self, pts: int) -> Fraction:
        return pts * self._stream.time_base
