"""Long shots become clips, decided as the shot streams by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from schemas.config import ClipsConfig

Piece = tuple[int, int]
"""First tick, and tick after the last."""


@dataclass(frozen=True, slots=True)
class ClipLengths:
    """Least and greatest number of ticks of a clip; twice the least, less one, is at most the greatest."""

    least: int
    greatest: int


def clip_lengths(config: ClipsConfig, fps: Fraction) -> ClipLengths:
    """Lengths in ticks: never below `min_s`, and not above `max_s` but for the rounding of slow clocks."""
    least = max(2, math.ceil(Fraction(config.min_s) * fps))
    return ClipLengths(least, max(math.floor(Fraction(config.max_s) * fps), 2 * least - 1))


class Divider:
    """Divides one shot. `start` is its first usable tick; `position` the first tick not yet given out."""

    def __init__(self, lengths: ClipLengths, start: int) -> None:
        self._lengths = lengths
        self.position = start

    def advance(self, limit: int) -> list[Piece]:
        """Pieces that are sure, now that the shot is known to go on up to tick `limit` at least."""
        pieces = []
        while limit - self.position >= self._lengths.greatest + self._lengths.least:
            pieces.append(self._take(self._lengths.greatest))
        return pieces

    def close(self, end: int) -> list[Piece]:
        """The last pieces of a shot whose usable part ends at tick `end`."""
        pieces = self.advance(end)
        rest = end - self.position
        if rest > self._lengths.greatest:
            pieces.append(self._take(rest // 2))
            rest = end - self.position
        if rest >= self._lengths.least:
            pieces.append(self._take(rest))
        return pieces

    def _take(self, ticks: int) -> Piece:
        start = self.position
        self.position += ticks
        return start, self.position
