"""One source over HTTP: requests, redirects, ranges, and a body that may lie."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import email.utils
import re
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import httpx

from schemas.errors import MediaError
from schemas.fetch import FetchConfig
from schemas.reasons import SourceReason
from transforms.fetch.gates import HostGates, SpeedGuard
from transforms.fetch.sniff import is_text
from transforms.fetch.store import PartFile, Validators
from transforms.fetch.uris import WEB_SCHEMES, parsed

_CHUNK_BYTES = 1 << 16
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_GONE = frozenset({404, 410, 451})
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)$")
_HEADERS = {
    "User-Agent": "figureground (+video curation)",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
}


class TryAgain(Exception):
    """This try failed, another may not. after_s: the pause that the host asked for."""

    def __init__(self, message: str, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class WebDownload:
    """The tries at one address. Bytes of a try that broke off are kept in the part for the next."""

    def __init__(
        self, uri: str, part: PartFile, transport: httpx.AsyncBaseTransport, gates: HostGates, config: FetchConfig
    ) -> None:
        """uri: with its credentials. Raises MediaError `refused` if it is no address of the web."""
        parts = parsed(uri)
        if parts.scheme not in WEB_SCHEMES:
            raise MediaError(SourceReason.REFUSED, f"{parts.scheme}: no address of the web")
        host = parts.netloc.rpartition("@")[2]
        self._url = httpx.URL(urlunsplit((parts.scheme, host, parts.path, parts.query, "")))
        self._authorization = _basic(parts.username, parts.password)
        self._part, self._transport, self._gates, self._config = part, transport, gates, config

    async def attempt(self) -> None:
        """Complete the part. Raises TryAgain, MediaError with the final reason, or one of `CONNECTION_ERRORS`."""
        part = self._part
        offset = part.size_bytes if part.resumable else 0
        ask = {"Range": f"bytes={offset}-", "If-Range": part.validators.if_range or ""} if offset else {}
        async with self._answer(ask) as answer:
            if answer.status_code == 416 and offset and _content_range(answer)[1] == offset:
                return  # everything was there already
            if answer.status_code == 206 and offset:
                self._join(answer, offset)
            elif answer.status_code == 200:
                part.restart(_validators(answer), _declared_bytes(answer))
            else:
                part.discard()
                raise TryAgain(f"the host answered {answer.status_code} to a request for a range")
            self._require_room(part.total_bytes)
            await self._receive(answer)
        if part.total_bytes is not None and part.size_bytes != part.total_bytes:
            raise TryAgain(f"{part.size_bytes} bytes came of {part.total_bytes}")

    def _join(self, answer: httpx.Response, offset: int) -> None:
        """Make sure that a partial answer goes on where the part ends, and in the same content."""
        part = self._part
        start, total = _content_range(answer)
        now = _validators(answer)
        changed = now.etag is not None and part.validators.etag is not None and now.etag != part.validators.etag
        other_size = None not in (total, part.total_bytes) and total != part.total_bytes
        if start != offset or changed or other_size or "content-encoding" in answer.headers:
            part.discard()
            raise TryAgain("the host sent a range of other content than before")
        part.total_bytes = part.total_bytes if total is None else total

    def _require_room(self, size_bytes: int | None) -> None:
        if size_bytes is not None and size_bytes > self._config.max_bytes:
            self._part.discard()
            raise MediaError(SourceReason.TOO_LARGE, f"{size_bytes} bytes are more than fetch.max_bytes")

    async def _receive(self, answer: httpx.Response) -> None:
        part, config = self._part, self._config
        speed, judged = SpeedGuard(config.min_bytes_per_s, config.min_speed_window_s), part.size_bytes > 0
        async with aclosing(_decoded(answer)) as pieces:
            async for piece in pieces:
                self._require_room(part.size_bytes + len(piece))
                part.append(piece)
                if not judged:
                    self._judge(part.head)
                    judged = len(part.head) >= 512
                speed.note(len(piece))

    def _judge(self, head: bytes) -> None:
        if is_text(head):
            raise MediaError(SourceReason.NOT_VIDEO, "the host sent text instead of video")

    @asynccontextmanager
    async def _answer(self, ask: dict[str, str]) -> AsyncIterator[httpx.Response]:
        """The answer at the end of the redirects, with a status of success or about a range."""
        url = self._url
        for _ in range(self._config.max_redirects + 1):
            answer = await self._request(url, ask)
            try:
                if answer.status_code in _REDIRECTS:
                    url = _next(url, answer)
                    continue
                self._require_success(url, answer)
                yield answer
                return
            finally:
                await answer.aclose()
        raise MediaError(SourceReason.FETCH_FAILED, f"more than {self._config.max_redirects} redirects")

    async def _request(self, url: httpx.URL, ask: dict[str, str]) -> httpx.Response:
        config = self._config
        headers = _HEADERS | ask
        if self._authorization and _origin(url) == _origin(self._url):
            headers["Authorization"] = self._authorization
        pauses = {"connect": config.connect_s, "read": config.idle_s, "write": config.idle_s, "pool": None}
        request = httpx.Request("GET", url, headers=headers, extensions={"timeout": pauses})
        await self._gates.request(url.host)
        try:
            # Headers that trickle in keep every single read short: the whole of them gets a limit, too.
            async with asyncio.timeout(config.connect_s + config.idle_s):
                return await self._transport.handle_async_request(request)
        except TimeoutError:
            raise TryAgain(f"no answer within {config.connect_s + config.idle_s:g} s") from None

    def _require_success(self, url: httpx.URL, answer: httpx.Response) -> None:
        status = answer.status_code
        if status in _AGAIN:
            after_s = _retry_after_s(answer)
            if after_s is not None:
                if after_s > self._config.max_retry_after_s:
                    raise MediaError(SourceReason.FETCH_FAILED, f"HTTP {status}; try again in {after_s:.0f} s")
                self._gates.pause(url.host, after_s)
            raise TryAgain(f"HTTP {status}", after_s)
        if status in _GONE:
            raise MediaError(SourceReason.GONE, f"HTTP {status}")
        if status not in (200, 206, 416):
            raise MediaError(SourceReason.FETCH_FAILED, f"HTTP {status}")


async def _decoded(answer: httpx.Response) -> AsyncGenerator[bytes]:
    """The body in pieces of at most `_CHUNK_BYTES`, unpacked if the host packed it unasked."""
    encoding = answer.headers.get("content-encoding", "identity").lower()
    if encoding not in ("identity", "gzip", "x-gzip", "deflate"):
        raise MediaError(SourceReason.FETCH_FAILED, f"the host packs content as {encoding!r}")
    unpack = None if encoding == "identity" else zlib.decompressobj(zlib.MAX_WBITS | 32)
    async for data in answer.aiter_raw():
        if unpack is None:
            for at in range(0, len(data), _CHUNK_BYTES):
                yield data[at : at + _CHUNK_BYTES]
            continue
        for piece in _unpacked(unpack, data):
            yield piece
    if unpack is not None:
        yield unpack.flush()
        if not unpack.eof:
            raise TryAgain("the packed content ends early")


def _unpacked(unpack: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    try:
        while data:
            yield unpack.decompress(data, _CHUNK_BYTES)
            data = unpack.unconsumed_tail
    except zlib.error as error:
        raise TryAgain(f"the packed content is damaged: {error}") from None


def _next(url: httpx.URL, answer: httpx.Response) -> httpx.URL:
    """Where a redirect leads, without the credentials it may name. Raises MediaError `refused` for other schemes."""
    location = answer.headers.get("location")
    if not location:
        raise MediaError(SourceReason.FETCH_FAILED, f"HTTP {answer.status_code} that leads nowhere")
    parts = parsed(urljoin(str(url), location))
    if parts.scheme not in WEB_SCHEMES:
        raise MediaError(SourceReason.REFUSED, f"a redirect to the scheme {parts.scheme!r} is not followed")
    return httpx.URL(urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, "")))


def _basic(user: str | None, password: str | None) -> str | None:
    if user is None:
        return None
    pair = f"{unquote(user)}:{unquote(password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _validators(answer: httpx.Response) -> Validators:
    if "content-encoding" in answer.headers:
        return Validators()  # ranges would count packed bytes
    return Validators(answer.headers.get("etag"), answer.headers.get("last-modified"))


def _declared_bytes(answer: httpx.Response) -> int | None:
    length = answer.headers.get("content-length", "")
    known = length.isascii() and length.isdigit() and "content-encoding" not in answer.headers
    return int(length) if known else None


def _content_range(answer: httpx.Response) -> tuple[int | None, int | None]:
    """First byte and size of the whole, where the answer says them."""
    match = _CONTENT_RANGE.match(answer.headers.get("content-range", ""))
    if match is None:
        return None, None
    start, _, total = match.groups()
    return None if start is None else int(start), None if total == "*" else int(total)


def _retry_after_s(answer: httpx.Response) -> float | None:
    """Seconds of the header Retry-After, which is a number or a date; None if it is neither."""
    value = answer.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        at = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    now = dt.datetime.now(dt.UTC)
    return max(0.0, (at.replace(tzinfo=at.tzinfo or dt.UTC) - now).total_seconds())


def host_of(uri: str) -> str:
    """The host whose limits an address counts against."""
    return urlsplit(uri).hostname or ""
