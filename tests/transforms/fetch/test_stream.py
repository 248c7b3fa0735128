from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.transforms.fetch.hostile_server import HostileServer, running
from tests.transforms.fetch.test_fetcher import CONFIG
from transforms.fetch.fetcher import Fetched
from transforms.fetch.store import SourceStore
from transforms.fetch.stream import fetch_all, fetch_lots


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with running() as server:
        yield server


def test_everything_arrives_once(server: HostileServer, tmp_path: Path) -> None:
    uris = {server.url(f"small/{n}") for n in range(40)}
    found = list(fetch_all(uris, SourceStore(tmp_path), CONFIG))
    assert all(isinstance(one, Fetched) for one in found)
    assert {one.source.uri for one in found} == uris
    assert len(found) == len(uris)


def test_lots_have_the_size_asked_for(server: HostileServer, tmp_path: Path) -> None:
    uris = [server.url(f"small/{n}") for n in range(10)]
    config = replace(CONFIG, ahead=4)
    assert [len(lot) for lot in fetch_lots(uris, SourceStore(tmp_path), config)] == [4, 4, 2]
    assert list(fetch_lots([], SourceStore(tmp_path), config)) == []


def test_no_more_is_fetched_ahead_than_allowed(server: HostileServer, tmp_path: Path) -> None:
    """One lot is held, so at most `ahead` results and `concurrency` downloads wait behind it."""
    uris = [server.url(f"small/{n}") for n in range(60)]
    config = replace(CONFIG, ahead=3, concurrency=2, per_host=2)
    lots = fetch_lots(uris, SourceStore(tmp_path), config)
    next(lots)
    threading.Event().wait(1.0)
    assert len(server.requests) <= 3 + 3 + 2
    lots.close()


def test_closing_ends_the_downloads(server: HostileServer, tmp_path: Path) -> None:
    found = fetch_all(
        [server.url("plain/1"), server.url("no_headers")], SourceStore(tmp_path), replace(CONFIG, idle_s=60)
    )
    assert isinstance(next(found), Fetched)
    found.close()
    assert [thread.name for thread in threading.enumerate() if thread.name == "downloads"] == []


def test_a_mistake_in_the_configuration_is_raised_where_results_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not appear to be an IPv4 or IPv6 network"):
        next(fetch_all(["http://a/1"], SourceStore(tmp_path), replace(CONFIG, allow_networks=("here",))))
