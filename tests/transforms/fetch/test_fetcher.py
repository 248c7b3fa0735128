from __future__ import annotations

import asyncio
import hashlib
import logging
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from schemas.fetch import FetchConfig
from schemas.records import SourceReport
from tests.transforms.fetch.hostile_server import CONTENT, SHA256, HostileServer, running
from transforms.fetch.fetcher import Fetched, Fetcher, interleaved
from transforms.fetch.network import Resolve, resolve
from transforms.fetch.store import PartFile, SourceStore, Validators

CONFIG = FetchConfig(
    attempts=3,
    wait_s=0.01,
    connect_s=2,
    idle_s=0.5,
    deadline_s=10,
    min_bytes_per_s=1000,
    min_speed_window_s=0.4,
    max_bytes=10 * 2**20,
    allow_networks=("127.0.0.1/32",),
)


@pytest.fixture(scope="module")
def server() -> Iterator[HostileServer]:
    with running() as other, running() as server:
        server.other_port = other.port
        server.other = other  # type: ignore[attr-defined]
        yield server


@pytest.fixture
def store(tmp_path: Path) -> SourceStore:
    return SourceStore(tmp_path / "sources")


def fetch(
    store: SourceStore, *uris: str, config: FetchConfig = CONFIG, resolver: Resolve = resolve, verify: Any = True
) -> list[Fetched | SourceReport]:
    async def run() -> list[Fetched | SourceReport]:
        async with Fetcher(config, store, resolver=resolver, verify=verify) as fetcher:
            return list(await asyncio.gather(*map(fetcher.fetch, uris)))

    return asyncio.run(run())


def files(store: SourceStore) -> list[str]:
    return sorted(path.name for path in store.folder.iterdir()) if store.folder.exists() else []


WHOLE = (
    *("plain", "chunked", "ranges", "dated_ranges", "complete_part", "flaky", "busy_for_a_second", "busy_until"),
    *("moved", "packed", "promises_nothing", "range_ignored", "range_shifted", "range_without_place"),
    *("etag_changed", "if_range_heeded"),
)


@pytest.mark.parametrize("behaviour", WHOLE)
def test_the_whole_content_arrives_in_the_end(server: HostileServer, store: SourceStore, behaviour: str) -> None:
    (fetched,) = fetch(store, server.url(f"{behaviour}/whole"))
    assert isinstance(fetched, Fetched), fetched
    assert (fetched.source.sha256, fetched.source.size_bytes) == (SHA256, len(CONTENT))
    assert Path(fetched.source.file).read_bytes() == CONTENT
    assert [name for name in files(store) if "part" in name] == []


REASONS = {
    "reset_at_start": "fetch_failed",
    "reset_in_headers": "fetch_failed",
    "reset_in_body": "fetch_failed",
    "always_503": "fetch_failed",
    "come_back_tomorrow": "fetch_failed",
    "gone": "gone",
    "forbidden": "fetch_failed",
    "promises_too_much": "fetch_failed",
    "two_lengths": "fetch_failed",
    "packed_bomb": "too_large",
    "packed_and_broken": "fetch_failed",
    "packed_strangely": "fetch_failed",
    "no_headers": "fetch_failed",
    "slow_headers": "fetch_failed",
    "endless_headers": "fetch_failed",
    "slow_body": "too_slow",
    "stalled_body": "fetch_failed",
    "endless_body": "too_large",
    "ten_gigabytes": "too_large",
    "loop": "fetch_failed",
    "to_metadata": "refused",
    "to_private": "refused",
    "to_file": "refused",
    "to_nowhere": "fetch_failed",
    "page": "not_video",
    "playlist": "not_video",
    "not_http": "fetch_failed",
    "continues": "fetch_failed",
}


@pytest.mark.parametrize("behaviour", REASONS)
def test_a_host_that_will_not_do_gets_a_verdict(server: HostileServer, store: SourceStore, behaviour: str) -> None:
    config = replace(CONFIG, attempts=2, connect_s=0.5)
    (report,) = fetch(store, server.url(f"{behaviour}/verdict"), config=config)
    assert isinstance(report, SourceReport), report
    assert (report.reason, bool(report.detail)) == (REASONS[behaviour], True), report
    rejected = report.reason in ("gone", "too_large", "refused", "not_video")
    assert report.verdict == ("rejected" if rejected else "failed")


def test_a_length_that_is_too_small_cuts_the_content_there(server: HostileServer, store: SourceStore) -> None:
    (fetched,) = fetch(store, server.url("promises_too_little"))
    assert isinstance(fetched, Fetched)
    assert Path(fetched.source.file).read_bytes() == CONTENT[: len(CONTENT) // 2]


def test_an_empty_answer_is_an_empty_source(server: HostileServer, store: SourceStore) -> None:
    (fetched,) = fetch(store, server.url("empty"))
    assert isinstance(fetched, Fetched)
    assert Path(fetched.source.file).read_bytes() == b""


class WatchedStore(SourceStore):
    """Remembers the largest size that any unfinished download ever had."""

    largest = 0

    def part(self, uri: str) -> PartFile:
        store = self

        class Watched(PartFile):
            def append(self, data: bytes) -> None:
                super().append(data)
                store.largest = max(store.largest, self.path.stat().st_size)

        self.folder.mkdir(parents=True, exist_ok=True)
        return Watched(self.folder / "watched.part", uri)


@pytest.mark.parametrize("behaviour", ["endless_body", "packed_bomb", "promises_nothing"])
def test_the_cap_on_bytes_is_held_and_nothing_is_left(server: HostileServer, tmp_path: Path, behaviour: str) -> None:
    store = WatchedStore(tmp_path)
    (report,) = fetch(store, server.url(f"{behaviour}/cap"), config=replace(CONFIG, max_bytes=200_000))
    assert isinstance(report, SourceReport)
    assert report.reason == "too_large"
    assert 100_000 < store.largest <= 200_000
    assert files(store) == []


def test_private_addresses_are_refused_unless_allowed_and_never_connected_to(
    server: HostileServer, store: SourceStore
) -> None:
    closed, open_ = replace(CONFIG, allow_networks=()), replace(CONFIG, allow_private_network=True, allow_networks=())
    hosts = ("127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433")
    reports = fetch(store, *(server.url("small/private", host) for host in hosts), config=closed)
    assert [report.reason for report in reports if isinstance(report, SourceReport)] == ["refused"] * len(hosts)
    assert server.headers_of("small") == []
    (fetched,) = fetch(store, server.url("small/private"), config=open_)
    assert isinstance(fetched, Fetched)


@pytest.mark.parametrize(
    "uri",
    [
        *("file:///etc/passwd", "ftp://example.org/v.mp4", "gopher://127.0.0.1/x", "data://text", "http:///v.mp4"),
        *("http://[::1", "http://example.org:99999/v.mp4", "s3://bucket/a::file:///etc/passwd", "concat://a|b"),
        "http://example.org/\r\nHost: other",
    ],
)
def test_what_is_no_address_of_the_web_is_refused(store: SourceStore, uri: str) -> None:
    (report,) = fetch(store, uri)
    assert isinstance(report, SourceReport)
    assert (report.verdict, report.reason) == ("rejected", "refused")


def test_a_name_that_moves_to_a_private_address_between_requests_is_refused(
    server: HostileServer, store: SourceStore
) -> None:
    answers = iter([["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2"]])

    async def rebinding(host: str, port: int) -> list[str]:
        assert host == "rebinding.test"
        return next(answers)

    (report,) = fetch(store, server.url("ranges/rebound", "rebinding.test"), resolver=rebinding)
    assert isinstance(report, SourceReport)
    assert (report.reason, "127.0.0.2" in (report.detail or "")) == ("refused", True)
    assert len(server.headers_of("ranges")[-1:]) == 1


def test_the_judged_address_is_the_one_connected_to(server: HostileServer, store: SourceStore) -> None:
    async def several(host: str, port: int) -> list[str]:
        return ["127.0.0.2", "10.0.0.1", "127.0.0.1"]

    (fetched,) = fetch(store, server.url("plain/several", "several.test"), resolver=several)
    assert isinstance(fetched, Fetched)
    assert server.requests[-1].headers["host"].startswith("several.test")


def test_credentials_go_to_their_host_alone_and_are_written_down_nowhere(
    server: HostileServer, store: SourceStore, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        uri = server.url("to_another_host?token=t0psecret&X-Amz-Signature=s1gned&id=7").replace("://", "://me:pa%24s@")
        (fetched,) = fetch(store, uri)
        (report,) = fetch(store, uri.replace("to_another_host", "gone"))
    assert isinstance(fetched, Fetched) and isinstance(report, SourceReport)
    assert server.requests[-2].headers["authorization"].startswith("Basic bWU6cGEkcw==")
    assert "authorization" not in server.other.requests[-1].headers  # type: ignore[attr-defined]
    token = hashlib.sha256(b"t0psecret").hexdigest()[:8]
    assert fetched.source.uri.endswith(f"/to_another_host?token=~{token}&id=7")
    for secret in ("pa%24s", "pa$s", "t0psecret", "s1gned", "me:"):
        assert secret not in "".join(files(store)) + caplog.text + repr(fetched.source) + repr(report)


def test_a_link_that_is_signed_anew_is_the_same_source(server: HostileServer, store: SourceStore) -> None:
    first, again = (server.url(f"plain/signed?v=1&X-Amz-Signature={n}&X-Amz-Date={n}") for n in (1, 2))
    before = len(server.requests)
    assert all(isinstance(fetched, Fetched) for uri in (first, again) for fetched in fetch(store, uri))
    assert len(server.requests) == before + 1


def test_what_is_here_is_not_fetched_again_unless_it_was_damaged(server: HostileServer, store: SourceStore) -> None:
    uri = server.url("plain/again")
    before = len(server.requests)
    (first,) = fetch(store, uri)
    assert fetch(store, uri) == [first]
    assert len(server.requests) == before + 1
    assert isinstance(first, Fetched)
    Path(first.source.file).write_bytes(CONTENT[:-1])
    assert fetch(store, uri) == [first]
    assert len(server.requests) == before + 2
    assert hashlib.sha256(Path(first.source.file).read_bytes()).hexdigest() == SHA256


def test_the_same_content_from_two_addresses_is_dropped_one_by_one_and_forgotten_at_once(
    server: HostileServer, store: SourceStore
) -> None:
    uris = [server.url("plain/one"), server.url("chunked/two"), server.url("plain/three")]
    fetch(store, *uris, server.url("small/other"))
    store.drop(uris[0])
    assert [store.find(uri) is not None for uri in uris] == [False, True, True]
    SourceStore(store.folder).forget(uris[1])
    (name,) = files(store)
    assert not name.endswith(SHA256)


def test_other_content_at_the_same_address_takes_the_place_of_the_old(store: SourceStore) -> None:
    for content in (b"old", b"new"):
        part = store.part("http://a/1")
        part.restart(Validators(), None)
        part.append(content)
        store.finish(part)
    (name,) = files(store)
    assert (store.folder / name).read_bytes() == b"new"
    assert store.find("http://a/1") == SourceStore(store.folder).find("http://a/1") is not None


def test_a_download_that_broke_off_goes_on_in_the_next_run(server: HostileServer, store: SourceStore) -> None:
    uri = server.url("ranges/next-run")
    (report,) = fetch(store, uri, config=replace(CONFIG, attempts=1))
    assert isinstance(report, SourceReport)
    assert (store.folder / files(store)[0]).stat().st_size == len(CONTENT) // 2
    (fetched,) = fetch(store, uri)
    assert isinstance(fetched, Fetched)
    assert fetched.source.sha256 == SHA256
    assert server.requests[-1].headers["range"] == f"bytes={len(CONTENT) // 2}-"


def test_retry_after_keeps_everybody_from_the_host(server: HostileServer, store: SourceStore) -> None:
    import time

    started = time.monotonic()
    fetched = fetch(store, server.url("busy_for_a_second/all"), server.url("flaky/all"))
    assert all(isinstance(one, Fetched) for one in fetched)
    assert time.monotonic() - started >= 1


@pytest.mark.parametrize("at_a_time", [1, 3])
def test_a_host_is_asked_by_no_more_at_a_time_than_allowed(store: SourceStore, at_a_time: int) -> None:
    with running() as server:
        fetch(store, *(server.url(f"small/{n}") for n in range(30)), config=replace(CONFIG, per_host=at_a_time))
    assert (server.most_busy, len(server.requests)) == (at_a_time, 30)


def test_requests_to_a_host_keep_their_distance(server: HostileServer, store: SourceStore) -> None:
    import time

    started = time.monotonic()
    fetch(store, *(server.url(f"small/rate{n}") for n in range(5)), config=replace(CONFIG, per_host_rate=20))
    assert time.monotonic() - started >= 4 / 20


def test_the_deadline_covers_all_tries(server: HostileServer, store: SourceStore) -> None:
    config = replace(CONFIG, deadline_s=0.3, attempts=50)
    (report,) = fetch(store, server.url("always_503/deadline"), config=config)
    assert isinstance(report, SourceReport)
    assert (report.reason, report.verdict) == ("too_slow", "failed")


def test_tls_needs_a_certificate_for_the_name_by_a_known_authority(store: SourceStore) -> None:
    authority = trustme.CA()
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("video.test").configure_cert(served)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    async def here(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    with running(served) as server:
        good, wrong_name = (server.url(f"plain/{h}", h, "https") for h in ("video.test", "other.test"))
        fetched, wrong = fetch(store, good, wrong_name, resolver=here, verify=trusting)
        (unknown,) = fetch(store, good + "?again", resolver=here)
    assert isinstance(fetched, Fetched)
    for report in (wrong, unknown):
        assert isinstance(report, SourceReport)
        assert report.reason == "fetch_failed"
        assert "certificate" in (report.detail or "").lower()


def test_plain_text_where_tls_was_expected_fails(server: HostileServer, store: SourceStore) -> None:
    (report,) = fetch(store, server.url("plain", scheme="https"))
    assert isinstance(report, SourceReport)
    assert report.reason == "fetch_failed"


def test_an_unknown_host_and_a_closed_port_fail(store: SourceStore) -> None:
    reports = fetch(store, "http://no-such-host.invalid/v.mp4", "http://127.0.0.1:1/v.mp4")
    assert [report.reason for report in reports if isinstance(report, SourceReport)] == ["fetch_failed"] * 2


@pytest.mark.parametrize("facts", ["", "{", "[]", '{"uri": "http://elsewhere/", "etag": "1"}'])
def test_a_part_that_nobody_can_vouch_for_is_begun_anew(store: SourceStore, facts: str) -> None:
    part = store.part("http://a/1")
    part.restart(Validators('"1"'), 10)
    part.append(b"first")
    part.close()
    assert store.part("http://a/1").resumable
    (noted,) = store.folder.glob("*.json")
    noted.write_text(facts)
    part = store.part("http://a/1")
    assert (part.resumable, part.size_bytes) == (False, 0)
    part.restart(Validators(), None)
    assert not noted.exists()
    part.close()


def test_a_killed_process_leaves_parts_that_are_large_enough_to_go_on_with(store: SourceStore) -> None:
    for uri, blocks, left in (("http://a/small", 1, False), ("http://a/large", 3, True)):
        part = store.part(uri)
        part.restart(Validators('"1"'), None)
        for _ in range(blocks):
            part.append(bytes(2**19))
        assert store.part(uri).resumable == left


def test_hosts_take_turns() -> None:
    uris = ["http://a/1", "http://a/2", "http://a/3", "http://b/1", "http://c/1"]
    assert list(interleaved(uris)) == ["http://a/1", "http://b/1", "http://c/1", "http://a/2", "http://a/3"]
