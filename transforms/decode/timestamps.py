"""Time stamps that always rise, whatever the container says."""

from __future__ import annotations

from fractions import Fraction

_REORDERED = 8


class Timestamps:
    """Repairs presentation time stamps, in units of `time_base`.

    Missing or repeated stamps are continued at the frame rate. A jump back by more frames than
    codecs reorder is a stream that starts again: what follows is shifted. A smaller step back becomes the least
    step forward, so the clock will leave that frame out.
    """

    def __init__(self, time_base: Fraction, fps: Fraction) -> None:
        self.step = max(1, round(1 / (fps * time_base)))
        self._restart = _REORDERED * self.step
        self._offset = 0
        self._raw: int | None = None
        self._last: int | None = None

    def repair(self, raw: int | None) -> int:
        """The stamp to use for the next frame in presentation order."""
        if self._last is None:
            stamp = 0 if raw is None else raw
        elif raw is None or raw == self._raw:
            stamp = self._last + self.step
        else:
            stamp = self._risen(raw)
        self._raw, self._last = raw, stamp
        return stamp

    def _risen(self, raw: int) -> int:
        assert self._last is not None
        stamp = raw + self._offset
        if stamp > self._last:
            return stamp
        if self._last - stamp > self._restart:
            self._offset += self._last + self.step - stamp
            return self._last + self.step
        return self._last + 1
