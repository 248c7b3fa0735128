"""The frame rate of a source: the header's word where the time stamps bear it out, else theirs.

A header may give a rate that nothing was ever shown at: Matroska's is nominal, 1000 where the writer knew none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

_LEAST_FPS, _MOST_FPS = Fraction(1, 10), Fraction(1000)
_UNKNOWN_FPS = Fraction(25)
_BLOCK = 64
"""Stamps put in order together: more than codecs reorder; a stream that starts again spoils one block."""
_LEAST_INTERVALS = 8
"""Fewer say nothing against a header."""
_BORNE_OUT = 0.1
_PREVAILING = 0.75
"""Intervals this close to their median count: both of 3:2 pulldown, no pause and no missing frame."""
_DENOMINATOR = 1001


def frame_rate(named: Iterable[Fraction | None], stamps: Sequence[int | None], time_base: Fraction | None) -> Fraction:
    """The first of the rates named that lies within a tenth of what the stamps say; what they say if none does.

    named: frames per second by the header, the best first. stamps: presentation times of the first frames in decoding
    order, in units of `time_base`; None where missing. Without stamps to go by it is the first rate that can be
    (0.1 to 1000), and 25 if there is none.
    """
    possible = [Fraction(rate) for rate in named if rate is not None and _LEAST_FPS <= rate <= _MOST_FPS]
    stamped = _stamped_rate(stamps, time_base)
    if stamped is None:
        return possible[0] if possible else _UNKNOWN_FPS
    return next((rate for rate in possible if abs(rate / stamped - 1) <= _BORNE_OUT), stamped)


def _stamped_rate(stamps: Sequence[int | None], time_base: Fraction | None) -> Fraction | None:
    """The rate that prevails: of the intervals near the median one. None if it cannot be told."""
    intervals = [interval for block in _intervals(stamps) for interval in block]
    if time_base is None or len(intervals) < _LEAST_INTERVALS:
        return None
    middle = sorted(intervals)[len(intervals) // 2]
    prevailing = [interval for interval in intervals if abs(interval - middle) <= _PREVAILING * middle]
    rate = len(prevailing) / (sum(prevailing) * time_base)
    return rate.limit_denominator(_DENOMINATOR) if _LEAST_FPS <= rate <= _MOST_FPS else None


def _intervals(stamps: Sequence[int | None]) -> Iterator[list[int]]:
    """Times from frame to frame, block by block; blocks in which a stamp is missing say nothing."""
    for start in range(0, len(stamps), _BLOCK):
        block = [stamp for stamp in stamps[start : start + _BLOCK] if stamp is not None]
        if len(block) == len(stamps[start : start + _BLOCK]):
            yield [after - before for before, after in pairwise(sorted(set(block)))]
