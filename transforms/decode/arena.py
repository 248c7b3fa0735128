"""The bounded buffer of working frames on consecutive ticks."""

from __future__ import annotations

import sys

import numpy as np

from schemas.arrays import F32, I64, U8
from transforms.decode.statistics import COLUMNS


class Arena:
    """Working frames of the ticks start..end-1, in one array; clips are views of it.

    Memory is used again only when nobody holds a view of it any more; while somebody does, a second array
    takes over. A consumer that drops a clip before it asks for the next one keeps the memory at one array.
    """

    def __init__(self, ticks: int, width: int, height: int) -> None:
        self._shape = (ticks, height * 3 // 2, width)
        self._yuv: U8 = np.empty(self._shape, np.uint8)
        self._spare: U8 | None = None
        self._pts: I64 = np.zeros(ticks, np.int64)
        self._source: I64 = np.zeros(ticks, np.int64)
        self._statistics: F32 = np.zeros((ticks, COLUMNS), np.float32)
        self.start = 0
        self._rows = 0
        self._skipped = 0

    @property
    def end(self) -> int:
        """Tick after the last."""
        return self.start + self._rows - self._skipped

    def append(self, pts: int, source_frame: int) -> U8:
        """Room for the frame of the next tick, flat: (H * 3 / 2 * W,)."""
        self._make_room()
        row = self._rows
        self._pts[row], self._source[row] = pts, source_frame
        self._rows += 1
        flat: U8 = self._yuv[row].reshape(-1)
        return flat

    def describe(self, statistics: tuple[float, ...]) -> None:
        """Statistics of the frame appended last."""
        self._statistics[self._rows - 1] = statistics

    def repeat(self) -> None:
        """Show the last frame for one more tick; by its statistics it is frozen only if that frame was."""
        self._make_room()
        pts, source = self.stamp(self.end - 1)
        statistics = self._statistics[self._rows - 1].copy()
        before = self._yuv[self._rows - 1].reshape(-1)
        np.copyto(self.append(pts, source), before)
        self._statistics[self._rows - 1] = statistics

    def stamp(self, tick: int) -> tuple[int, int]:
        """(time stamp, source frame) of a tick that is held."""
        row = self._row(tick)
        return int(self._pts[row]), int(self._source[row])

    def take(self, start: int, end: int) -> tuple[U8, I64, I64, F32]:
        """Frames (T, H * 3 / 2, W), a read-only view; copies of stamps (T,), source frames (T,), statistics."""
        rows = slice(self._row(start), self._row(end - 1) + 1)
        view = self._yuv[rows]
        view.flags.writeable = False
        return view, self._pts[rows].copy(), self._source[rows].copy(), self._statistics[rows].copy()

    def drop_before(self, tick: int) -> None:
        """Frames before a tick are not needed any more."""
        gone = min(tick, self.end) - self.start
        if gone > 0:
            self._skipped += gone
            self.start += gone
            if self._skipped >= self._shape[0] // 2:
                self._compact()

    def _make_room(self) -> None:
        if self._rows == self._shape[0]:
            self._compact()
            assert self._rows < self._shape[0], "more frames must be kept than the arena was made for"

    def _row(self, tick: int) -> int:
        return tick - self.start + self._skipped

    def _compact(self) -> None:
        """Move what is held to the front of an array nobody looks at."""
        first, last = self._skipped, self._rows
        held, target = last - first, self._free_array()
        for columns in (self._pts, self._source, self._statistics):
            columns[:held] = columns[first:last].copy()
        for row in range(held):  # forwards, so the places may overlap
            target[row] = self._yuv[first + row]
        if target is not self._yuv:
            self._spare, self._yuv = self._yuv, target
        self._rows, self._skipped = held, 0

    def _free_array(self) -> U8:
        # References from here: the attribute and the argument of getrefcount. Every view adds one.
        if sys.getrefcount(self._yuv) == 2:
            return self._yuv
        if self._spare is not None and sys.getrefcount(self._spare) == 2:
            return self._spare
        return np.empty(self._shape, np.uint8)
