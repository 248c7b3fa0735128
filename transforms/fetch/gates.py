"""How often, and how many times at once, one host is asked."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from schemas.errors import MediaError
from schemas.reasons import SourceReason


class HostGates:
    """Limits per host, shared by all downloads of a run."""

    def __init__(self, per_host: int, rate: float | None) -> None:
        """per_host: downloads at a time. rate: requests begun per second; None: no limit."""
        self._slots: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(per_host))
        self._interval_s = 0.0 if rate is None else 1 / rate
        self._next_at: dict[str, float] = defaultdict(float)

    @asynccontextmanager
    async def download(self, host: str) -> AsyncIterator[None]:
        """Wait for, and hold, one of the host's places."""
        async with self._slots[host]:
            yield

    async def request(self, host: str) -> None:
        """Wait until the host may be asked again."""
        now = time.monotonic()
        start = max(now, self._next_at[host])
        self._next_at[host] = start + self._interval_s
        if start > now:
            await asyncio.sleep(start - now)

    def pause(self, host: str, seconds: float) -> None:
        """The host asked to be left alone for a while: nobody asks it meanwhile."""
        self._next_at[host] = max(self._next_at[host], time.monotonic() + seconds)


class SpeedGuard:
    """Gives a download up that stays too slow for a whole window."""

    def __init__(self, min_bytes_per_s: float, window_s: float) -> None:
        self._least = min_bytes_per_s * window_s
        self._window_s = window_s
        self._started, self._received = time.monotonic(), 0

    def note(self, size_bytes: int) -> None:
        """Count received bytes. Raises MediaError `too_slow` at the end of a window that brought too few."""
        self._received += size_bytes
        if time.monotonic() - self._started < self._window_s:
            return
        if self._received < self._least:
            speed = self._received / self._window_s
            raise MediaError(SourceReason.TOO_SLOW, f"{speed:.0f} bytes a second are less than fetch.min_bytes_per_s")
        self._started, self._received = time.monotonic(), 0
