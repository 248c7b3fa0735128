"""Downloads in the background of whatever else a process does."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Generator, Iterable, Iterator

from schemas.fetch import FetchConfig
from schemas.records import SourceReport
from transforms.fetch.fetcher import Fetched, Fetcher, interleaved
from transforms.fetch.store import SourceStore

_LOT_S = 30.0
"""Whoever waits for a lot gets what there is this long after its first source."""

Result = Fetched | SourceReport


def fetch_all(uris: Iterable[str], store: SourceStore, config: FetchConfig) -> Generator[Result]:
    """Every source, or the report on it, in the order in which they are finished; at most `config.ahead` in advance.

    Closing the generator ends the downloads; what came of them stays for another time.
    Raises ValueError for a network in the configuration that is none.
    """
    for lot in fetch_lots(uris, store, config, size=1):
        yield from lot


def fetch_lots(
    uris: Iterable[str], store: SourceStore, config: FetchConfig, size: int | None = None
) -> Generator[list[Result]]:
    """The same in lots of `size`, or `config.ahead`; the next lot is downloaded while one is worked on."""
    downloads = _Background(Fetcher(config, store), interleaved(uris), config)
    downloads.start()
    try:
        while lot := downloads.take(size or config.ahead):
            yield lot
    finally:
        downloads.stop()


class _Background(threading.Thread):
    def __init__(self, fetcher: Fetcher, uris: Iterator[str], config: FetchConfig) -> None:
        super().__init__(daemon=True, name="downloads")
        self._fetcher, self._uris, self._at_a_time = fetcher, uris, config.concurrency
        self._results: queue.SimpleQueue[Result | None] = queue.SimpleQueue()
        self._error: BaseException | None = None
        self._loop = asyncio.new_event_loop()
        self._room = asyncio.Semaphore(config.ahead + config.concurrency)
        self._all: asyncio.Task[None] | None = None
        self._over = False

    def run(self) -> None:
        try:
            self._all = self._loop.create_task(self._download())
            self._loop.run_until_complete(self._all)
        except asyncio.CancelledError:
            pass
        except BaseException as error:
            self._error = error
        finally:
            self._results.put(None)
            self._loop.close()

    def take(self, size: int) -> list[Result]:
        """The next so many, or what there is when time is up; none at the end. Raises what broke the downloads."""
        lot: list[Result] = []
        give_up_at = float("inf")
        while len(lot) < size and not self._over:
            try:
                wait_s = None if not lot else max(0.0, give_up_at - time.monotonic())
                result = self._results.get(timeout=wait_s)
            except queue.Empty:
                break
            if result is None:
                self._over = True
                break
            lot.append(result)
            give_up_at = min(give_up_at, time.monotonic() + _LOT_S)
        self._tell(lambda: self._make_room(len(lot)))
        if self._over and self._error is not None:
            raise self._error
        return lot

    def stop(self) -> None:
        """Cut off what is under way, and wait for that."""
        self._tell(lambda: self._all is not None and self._all.cancel())
        self.join()

    def _make_room(self, places: int) -> None:
        for _ in range(places):
            self._room.release()

    def _tell(self, what: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has closed: all is done
            self._loop.call_soon_threadsafe(what)  # type: ignore[arg-type]

    async def _download(self) -> None:
        async with self._fetcher, asyncio.TaskGroup() as workers:
            for _ in range(self._at_a_time):
                workers.create_task(self._work())

    async def _work(self) -> None:
        for uri in self._uris:
            await self._room.acquire()
            self._results.put(await self._fetcher.fetch(uri))
