"""Dissolves and fades: stretches in which every picture is a mix of the first and the last one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from schemas.arrays import F32
from transforms.shots.boundary import Boundary
from transforms.shots.history import History, Look
from transforms.shots.same_scene import same_scene

_WINDOWS_S = (0.27, 0.53, 1.07)
_LEAST_CHANGE = 10.0
"""Mean change of luma from one end of a window to the other, 0..255."""
_CHANGED_SHARE = 0.6
"""Least share of the picture that changes by more than `_VISIBLE`."""
_VISIBLE = 8.0
_CORRELATION = 0.5
"""Highest correlation between the ends of a dissolve."""
_CONTRAST_RATIO = 0.4
"""Contrast of one end to the other that makes a fade."""
_RESIDUAL = 0.14
"""Largest energy of a picture not explained by the mix, relative to the change between the ends."""
_LARGEST_STEP = 0.5
"""Larger steps of the mix from one frame to the next are a hard cut."""
_LEAST_MIXED = 3
_EDGE = 0.05
"""Mix below this, or above one minus this, is an end."""
_BEYOND = 3
"""A mix that fills its window is taken to go on beyond it, for this part of the window."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    start: int
    end: int
    seen: int


class Gradual:
    """Finds gradual boundaries; each is reported once it is over, at most `delay` ticks after its start."""

    def __init__(self, fps: float) -> None:
        self._windows = sorted({max(_LEAST_MIXED + 2, round(s * fps)) for s in _WINDOWS_S})
        self._stride = max(1, round(fps / 15))
        self._patience = 2 * self._stride
        self.window = self._windows[-1] + self._windows[-1] // _BEYOND
        """Ticks a boundary that is first seen may reach back."""
        self.delay = 2 * self.window + self._patience
        self._open: _Stretch | None = None
        self._next = 0

    @property
    def open_since(self) -> int | None:
        """Start of a boundary that is not over yet."""
        return self._open.start if self._open else None

    def push(self, look: Look, history: History) -> list[Boundary]:
        """Look at the next frame, already in the history; boundaries that are over."""
        closed: list[Boundary] = []
        if look.tick >= self._next:
            self._next = look.tick + self._stride
            for window in self._windows:
                found = _mixed(history.since(look.tick - window))
                if found is not None:
                    closed += self._join(found, look.tick, history)
        if self._open and self._over(self._open, look.tick):
            closed += self.finish(history)
        return closed

    def _over(self, stretch: _Stretch, tick: int) -> bool:
        return tick > max(stretch.seen + self._patience, stretch.end) or tick - stretch.start > 2 * self.window

    def finish(self, history: History) -> list[Boundary]:
        """Close what is open."""
        stretch, self._open = self._open, None
        if stretch is None:
            return []
        before, after = history.before(stretch.start), history.at_or_after(stretch.end)
        if same_scene(before.luma, after.luma):
            return []
        return [Boundary(max(0, stretch.start), min(stretch.end, after.tick + 1))]

    def _join(self, found: tuple[int, int], tick: int, history: History) -> list[Boundary]:
        start, end = found
        if self._open is None:
            self._open = _Stretch(start, end, tick)
            return []
        if start <= self._open.end:
            self._open = _Stretch(min(start, self._open.start), max(end, self._open.end), tick)
            return []
        closed = self.finish(history)
        self._open = _Stretch(start, end, tick)
        return closed


def _mixed(looks: list[Look]) -> tuple[int, int] | None:
    """Start and end tick of the mix, if the looks are the first one, a steady mix, and the last one."""
    if len(looks) < _LEAST_MIXED + 2:
        return None
    first, last = looks[0].coarse, looks[-1].coarse
    change = last - first
    energy = float(change @ change)
    # The look in the middle rules out nearly everything that merely moves, before the rest is looked at.
    if energy < _LEAST_CHANGE**2 * change.size or _residual(looks[len(looks) // 2], first, change, energy) > _RESIDUAL:
        return None
    size = np.abs(change)
    if size.mean() < _LEAST_CHANGE or (size > _VISIBLE).mean() < _CHANGED_SHARE or not _another(first, last):
        return None
    between = np.stack([look.coarse for look in looks[1:-1]]) - first
    mix = between @ change / energy
    left = between - mix[:, None] * change
    if float((left * left).sum(axis=1).max()) > _RESIDUAL * energy:
        return None
    steps = np.diff(np.concatenate(([0.0], mix, [1.0])))
    inside = (mix > _EDGE) & (mix < 1 - _EDGE)
    if steps.max() > _LARGEST_STEP or inside.sum() < _LEAST_MIXED:
        return None
    at, beyond = np.flatnonzero(inside), (looks[-1].tick - looks[0].tick) // _BEYOND
    start, end = looks[int(at[0]) + 1].tick, looks[int(at[-1]) + 2].tick
    return start - beyond * bool(at[0] == 0), end + beyond * bool(at[-1] == len(mix) - 1)


def _residual(look: Look, first: F32, change: F32, energy: float) -> float:
    """Energy of a look not explained by the mix, relative to the change between the ends."""
    part = look.coarse - first
    along = float(part @ change)
    return (float(part @ part) - along * along / energy) / energy


def _another(first: F32, last: F32) -> bool:
    """The ends show different pictures, or one of them is blank beside the other."""
    a, b = first - first.mean(), last - last.mean()
    contrast_a, contrast_b = float(np.sqrt(a @ a)), float(np.sqrt(b @ b))
    low, high = sorted((contrast_a, contrast_b))
    return low <= _CONTRAST_RATIO * high or float(a @ b) < _CORRELATION * low * high
