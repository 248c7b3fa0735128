"""The constant clock of the clips: which source frame shows at which tick."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

_DRIFT_TICKS = 0.02
"""Phase taken up per frame: a header whose rate is wrong by up to 2 % still maps frames one to one."""
_GAP_S = 1.0
"""Frames missing for longer than this end the shot."""


@dataclass(frozen=True, slots=True)
class Rate:
    """The clip's frame rate, and how many source frames make one tick at a constant source rate."""

    fps: Fraction
    every: int

    @property
    def longest_gap(self) -> int:
        """Most ticks from one frame to the next that are bridged by showing frames again."""
        return max(3, round(_GAP_S * self.fps))


def clock_rate(source_fps: Fraction, max_fps: float) -> Rate:
    """The source's rate, divided by the smallest whole number that brings it to `max_fps` or below."""
    every = max(1, math.ceil(source_fps / Fraction(max_fps)))
    return Rate(source_fps / every, every)


@dataclass(frozen=True, slots=True)
class Ticks:
    """What a source frame means to the clock.

    repeat: ticks the frame before must be shown again. here: ticks this frame is shown, 0 if it is left out.
    gap: so much time is missing that nothing joins the two frames.
    """

    repeat: int
    here: int
    gap: bool = False


_ONE = Ticks(0, 1)
_NONE = Ticks(0, 0)


class Clock:
    """Puts source frames on constant ticks, each tick the frame nearest in time."""

    def __init__(self, rate: Rate, time_base: Fraction) -> None:
        self._ticks_per_unit = float(time_base * rate.fps)
        self._reach = 0.5 / rate.every
        self._longest = rate.longest_gap
        self._last_pts: int | None = None
        self._position = 0.0

    def advance(self, pts: int) -> Ticks:
        """Ticks for the next source frame; its stamp is above the one before."""
        if self._last_pts is None:
            self._last_pts = pts
            return _ONE
        # Position of this frame in ticks after the last tick given out.
        self._position += (pts - self._last_pts) * self._ticks_per_unit
        self._last_pts = pts
        ticks = math.floor(self._position + self._reach)
        if ticks <= 0:
            return _NONE
        if ticks > self._longest:
            self._position = 0.0
            return Ticks(0, 1, gap=True)
        error = self._position - ticks
        self._position = error - min(max(error, -_DRIFT_TICKS), _DRIFT_TICKS)
        if ticks == 1:
            return _ONE
        repeat = (ticks - 1) // 2
        return Ticks(repeat, ticks - repeat)
