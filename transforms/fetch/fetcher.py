"""Many sources from many hosts at a time; each ends in a file on disk or in a report that says why not."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import stamina

from schemas.errors import MediaError
from schemas.fetch import FetchConfig
from schemas.reasons import SourceReason, verdict_of
from schemas.records import Source, SourceReport
from transforms.fetch.addresses import AddressRule
from transforms.fetch.gates import HostGates
from transforms.fetch.network import CONNECTION_ERRORS, GuardedTransport, Resolve, resolve
from transforms.fetch.sniff import is_page
from transforms.fetch.store import PartFile, SourceStore, Stored
from transforms.fetch.uris import STORE_SCHEMES, parsed, without_addresses, without_secrets
from transforms.fetch.web import TryAgain, WebDownload, host_of

_LONGEST_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """A source that lies on this machine now. uri: as it was asked for."""

    uri: str
    source: Source


class Fetcher:
    """Downloads into a store; use as an async context manager, in one event loop.

    resolver, verify: the system's; others are for hosts that are known by no public name or authority.
    """

    def __init__(
        self, config: FetchConfig, store: SourceStore, *, resolver: Resolve = resolve, verify: Any = True
    ) -> None:
        self._config, self._store = config, store
        self._gates = HostGates(config.per_host, config.per_host_rate)
        self._rule, self._resolver = AddressRule.of(config), resolver
        self._transport = GuardedTransport(self._rule, config.concurrency, resolver=resolver, verify=verify)
        self._held = AsyncExitStack()
        self._stopping = threading.Event()

    async def __aenter__(self) -> Fetcher:
        # Its own reports of every try would break into the display; what became of a source is in its row.
        stamina.instrumentation.set_on_retry_hooks([])
        await self._held.enter_async_context(self._transport)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._held.aclose()

    async def fetch(self, uri: str) -> Fetched | SourceReport:
        """One source, or the report on what became of it. Never raises for what a host does."""
        shown = without_secrets(uri)
        try:
            stored = await self._earlier(shown) or await self._within_deadline(uri, shown)
        except MediaError as error:
            return _report(shown, SourceReason(error.reason), str(error))
        except asyncio.CancelledError:
            self._stopping.set()
            raise
        except (TryAgain, *CONNECTION_ERRORS) as error:
            return _report(shown, SourceReason.FETCH_FAILED, str(error) or type(error).__name__)
        return Fetched(uri, Source(shown, stored.sha256, stored.size_bytes, str(stored.path)))

    async def _earlier(self, shown: str) -> Stored | None:
        return await asyncio.to_thread(self._store.find, shown) if self._store.knows(shown) else None

    async def _within_deadline(self, uri: str, shown: str) -> Stored:
        deadline_s = self._config.deadline_s
        try:
            async with asyncio.timeout(deadline_s) as deadline:
                return await self._download(uri, shown)
        except TimeoutError:
            if not deadline.expired():
                raise
            raise MediaError(SourceReason.TOO_SLOW, f"not finished within fetch.deadline_s, {deadline_s:g} s") from None

    async def _download(self, uri: str, shown: str) -> Stored:
        if parsed(uri).scheme in STORE_SCHEMES:
            from transforms.fetch.objects import copy_object

            return await asyncio.to_thread(copy_object, uri, shown, self._store, self._config, self._stopping)
        part = self._store.part(shown)
        try:
            download = WebDownload(uri, part, self._transport, self._gates, self._config)
            async with self._gates.download(host_of(uri)):
                await self._try_page_too(uri, download, part)
            return self._store.finish(part)
        except MediaError:
            part.discard()
            raise
        finally:
            part.close()

    async def _try_page_too(self, uri: str, download: WebDownload, part: PartFile) -> None:
        try:
            await self._try(download)
        except MediaError as error:
            if not (self._config.pages and error.reason == SourceReason.NOT_VIDEO and is_page(part.head)):
                raise
            from transforms.fetch.pages import fetch_page

            await fetch_page(uri, part, self._config, self._rule, self._resolver)

    async def _try(self, download: WebDownload) -> None:
        config = self._config
        tries = stamina.retry_context(
            on=_worth_another_try,
            attempts=config.attempts,
            timeout=None,
            wait_initial=config.wait_s,
            wait_jitter=config.wait_s,
            wait_max=_LONGEST_WAIT_S,
        )
        async for attempt in tries:
            with attempt:
                await download.attempt()


def _worth_another_try(error: Exception) -> bool | float:
    if isinstance(error, TryAgain):
        return True if error.after_s is None else error.after_s
    if isinstance(error.__cause__, ssl.SSLError):
        return False
    return isinstance(error, CONNECTION_ERRORS)


def interleaved(uris: Iterable[str]) -> Iterator[str]:
    """The same addresses, hosts taking turns, so that no slow host holds up the others."""
    by_host: dict[str, deque[str]] = defaultdict(deque)
    for uri in uris:
        by_host[host_of(uri)].append(uri)
    while by_host:
        for host in list(by_host):
            yield by_host[host].popleft()
            if not by_host[host]:
                del by_host[host]


def _report(shown: str, reason: SourceReason, detail: str) -> SourceReport:
    return SourceReport(Source(shown, "", 0), verdict_of(reason), reason, without_addresses(detail))
