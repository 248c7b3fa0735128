"""Remote inputs of a run: downloaded ahead of the work on them, and kept no longer than asked for."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from pathlib import Path

from pipelines.corpus.layout import Layout, Place
from schemas.errors import ConfigError
from schemas.fetch import FetchConfig
from schemas.reasons import SourceReason, Verdict
from schemas.records import Source, SourceReport
from transforms.fetch.fetcher import Fetched
from transforms.fetch.store import SourceStore
from transforms.fetch.stream import fetch_lots
from transforms.fetch.uris import without_secrets


class Downloads:
    """The downloads of a corpus. Raises ConfigError if there is no folder for them."""

    def __init__(self, corpus: str | Place, config: FetchConfig) -> None:
        folder = config.folder or Layout.at(corpus).sources
        if not isinstance(folder, Path):
            raise ConfigError(f"{corpus}: downloads need a folder that all workers reach: --set fetch.folder=DIR")
        self._store, self._config = SourceStore(folder.expanduser().absolute()), config
        self._lot: dict[str, Source] = {}
        self._failed: set[str] = set()

    def lots(self, uris: Iterable[str]) -> Generator[list[Fetched | SourceReport]]:
        """Sources that are here now, and reports on the others; the next lot is downloaded meanwhile."""
        by_name = {without_secrets(uri): uri for uri in uris}
        try:
            for lot in fetch_lots(by_name.values(), self._store, self._config):
                self._lot = {found.source.uri: found.source for found in lot if isinstance(found, Fetched)}
                yield lot
        except ValueError as error:
            raise ConfigError(f"fetch.allow_networks: {error}") from None

    def skip(self, uris: Iterable[str]) -> None:
        """Sources that had their verdict before this run; one that was killed may have left their downloads."""
        if self._config.keep_sources != "always":
            for uri in uris:
                self._store.drop(without_secrets(uri))

    def settled(self, report: SourceReport) -> None:
        """A source has its verdict; it may not be committed yet."""
        if report.verdict == Verdict.FAILED:
            self._failed.add(report.source.sha256)
        copied = report.reason == SourceReason.DUPLICATE
        if report.source.path and (copied or self._config.keep_sources == "none"):
            self._store.drop(report.source.uri)

    def committed(self) -> None:
        """All verdicts of the lot are committed."""
        for uri, source in self._lot.items():
            failed = source.sha256 in self._failed
            if self._config.keep_sources == "none" or (self._config.keep_sources == "until-done" and not failed):
                self._store.drop(uri)
        self._lot = {}

    def close(self) -> None:
        """The run is over."""
        if self._config.keep_sources == "none":
            self._store.purge()
        self._store.remove_if_empty()
