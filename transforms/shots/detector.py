"""All boundary detectors behind one door: boundaries come out in order, each once, and never overlap."""

from __future__ import annotations

from schemas.arrays import U8
from schemas.config import ShotsConfig
from transforms.shots.boundary import Boundary
from transforms.shots.gradual import Gradual
from transforms.shots.hard_cuts import HardCuts
from transforms.shots.history import History, look_at

_NEAR = 2
"""Ticks within which a hard cut is part of a gradual boundary."""


class ShotDetector:
    """Fed with small pictures in order. Ticks must rise; they may skip where a frame is shown again."""

    def __init__(self, config: ShotsConfig, fps: float) -> None:
        self._hard = HardCuts(config, fps)
        self._gradual = Gradual(fps) if config.gradual else None
        slow = self._gradual
        self._window = max(self._hard.delay, slow.window + _NEAR if slow else 0)
        self.delay = max(self._hard.delay, slow.delay if slow else 0) + 2 * _NEAR
        """Ticks after which any boundary is known, at the latest."""
        self._history = History(self.delay + self._window)
        self._pending: list[Boundary] = []
        self._last_end = 0
        self.settled = 0
        """No boundary that is still to come starts before this tick."""

    def push(self, tick: int, small: U8) -> list[Boundary]:
        """Boundaries that are now sure, in order."""
        look = look_at(tick, small)
        self._history.push(look)
        found = [Boundary(cut, cut) for cut in self._hard.push(look, self._history)]
        settled = tick - self._window
        if self._gradual:
            found += self._gradual.push(look, self._history)
            since = self._gradual.open_since
            settled = settled if since is None else min(settled, since - _NEAR)
        self._pending += found
        self.settled = max(self.settled, settled)
        return self._release()

    def finish(self, end: int) -> list[Boundary]:
        """The rest, at the end of the stream."""
        self._pending += [Boundary(cut, cut) for cut in self._hard.finish(self._history)]
        if self._gradual:
            self._pending += self._gradual.finish(self._history)
        self.settled = end
        return self._release()

    def _release(self) -> list[Boundary]:
        if not self._pending:
            return []
        pending = _absorbed(self._pending)
        ready = [b for b in pending if b.start < self.settled]
        self._pending = [b for b in pending if b.start >= self.settled]
        released = []
        for boundary in ready:
            if boundary.end > self._last_end:
                start = max(boundary.start, self._last_end)
                self._last_end = boundary.end
                released.append(Boundary(start, boundary.end))
        return released


def _absorbed(boundaries: list[Boundary]) -> list[Boundary]:
    """In order, without the hard cuts that are part of a gradual boundary."""
    spans = [b for b in boundaries if not b.hard]
    return sorted(
        b for b in boundaries if not b.hard or all(not s.start - _NEAR <= b.end <= s.end + _NEAR for s in spans)
    )
