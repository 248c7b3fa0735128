from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from schemas.records import SourceReport
from tests.transforms.fetch.hostile_server import HostileServer, Request, running, send
from tests.transforms.fetch.test_fetcher import CONFIG, fetch
from tests.video_files import moving, write_video
from transforms.fetch.addresses import AddressRule
from transforms.fetch.fetcher import Fetched
from transforms.fetch.network import resolve
from transforms.fetch.proxy import GuardedProxy
from transforms.fetch.store import SourceStore

PAGES = replace(CONFIG, pages=True, idle_s=5, deadline_s=60, min_bytes_per_s=0)


class PageServer(HostileServer):
    video = b""

    def show(self, c: socket.socket, r: Request) -> bool:
        """A page with a video; its address is what follows in the path's query."""
        source = r.path.partition("?")[2]
        body = f"<!DOCTYPE html><html><title>../../x</title><body><video src='{source}'></video></body></html>"
        return send(c, 200, body.encode(), {"Content-Type": "text/html"})

    def film(self, c: socket.socket, r: Request) -> bool:
        return send(c, 200, self.video, {"Content-Type": "video/mp4"})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    path = write_video(tmp_path_factory.mktemp("page") / "v.mp4", moving(10))
    with running(serving=PageServer) as server:
        assert isinstance(server, PageServer)
        server.video = path.read_bytes()
        yield server


def test_the_video_of_a_page_is_fetched_if_pages_are_asked_for(server: PageServer, tmp_path: Path) -> None:
    uri = server.url("show/one?/film/v.mp4")
    (report,) = fetch(SourceStore(tmp_path), uri)
    assert isinstance(report, SourceReport)
    assert report.reason == "not_video"
    (fetched,) = fetch(SourceStore(tmp_path), uri, config=PAGES)
    assert isinstance(fetched, Fetched), fetched
    assert fetched.source.uri == uri
    assert Path(fetched.source.file).read_bytes() == server.video
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [""]


def test_a_page_leads_to_no_address_that_is_refused(server: PageServer, tmp_path: Path) -> None:
    before = len(server.headers_of("film"))
    (report,) = fetch(
        SourceStore(tmp_path), server.url(f"show/two?http://127.0.0.2:{server.port}/film/v.mp4"), config=PAGES
    )
    assert isinstance(report, SourceReport)
    assert report.reason == "fetch_failed"
    assert len(server.headers_of("film")) == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("page", "reason"), [("show/three?mailto:me", "fetch_failed"), ("page", "not_video")])
def test_a_page_without_a_video_is_told_apart(server: PageServer, tmp_path: Path, page: str, reason: str) -> None:
    """`page` claims to be a video: yt-dlp believes that, we do not."""
    (report,) = fetch(SourceStore(tmp_path), server.url(page), config=PAGES)
    assert isinstance(report, SourceReport)
    assert (report.reason, "yt-dlp" in (report.detail or "")) == (reason, True)


def test_the_proxy_serves_only_who_knows_its_password(server: PageServer) -> None:
    async def statuses() -> list[int]:
        async with GuardedProxy(AddressRule(everything=True), resolve) as proxy:
            strangers = proxy.url.replace("figureground:", "figureground:x")
            found = []
            for url in (proxy.url, strangers):
                async with httpx.AsyncClient(proxy=url) as client:
                    found.append((await client.get(server.url("small/proxied"))).status_code)
        return found

    assert asyncio.run(statuses()) == [200, 407]
