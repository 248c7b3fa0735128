"""A web server on loopback that misbehaves in a way named by the path. It writes raw bytes, so it can lie."""

from __future__ import annotations

import gzip
import hashlib
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

CONTENT = hashlib.sha256(b"seed").digest() * 8192
"""256 KiB that look like nothing in particular."""
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PACKED_BOMB = gzip.compress(b"\x00\x01" * 8 * 2**20, 1)
_HALF = len(CONTENT) // 2


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    seen: int
    """How often the path was asked for before."""

    @property
    def start(self) -> int | None:
        """First byte of the range asked for."""
        value = self.headers.get("range")
        return int(value.removeprefix("bytes=").partition("-")[0]) if value else None


@dataclass
class HostileServer:
    """Behaviours are methods; `/name/...` is answered by the method `name`."""

    port: int = 0
    other_port: int = 0
    requests: list[Request] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    busy: int = 0
    most_busy: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    def url(self, name: str, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}/{name}"

    def headers_of(self, name: str) -> list[dict[str, str]]:
        return [request.headers for request in self.requests if request.path.split("/")[1] == name]

    def serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection, connection.makefile("rb") as lines:
            while (request := self._read(lines)) is not None:
                with self._lock:
                    self.busy += 1
                    self.most_busy = max(self.most_busy, self.busy)
                try:
                    answer: Callable[[socket.socket, Request], bool | None]
                    answer = getattr(self, request.path.split("/")[1].partition("?")[0] or "gone")
                    if not answer(connection, request):
                        with suppress(OSError):
                            connection.shutdown(socket.SHUT_RDWR)
                        return
                finally:
                    with self._lock:
                        self.busy -= 1

    def _read(self, lines: object) -> Request | None:
        first = lines.readline().decode(errors="replace").split()  # type: ignore[attr-defined]
        if len(first) != 3 or not first[2].startswith("HTTP/"):
            return None
        headers = {}
        while line := lines.readline().decode(errors="replace").strip():  # type: ignore[attr-defined]
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        with self._lock:
            request = Request(first[1], headers, self._counts[first[1]])
            self._counts[first[1]] += 1
            self.requests.append(request)
        return request

    # Well-behaved answers

    def plain(self, c: socket.socket, r: Request) -> bool:
        return send(c, 200, CONTENT)

    def small(self, c: socket.socket, r: Request) -> bool:
        """As many small files as one likes, each with its path in it."""
        self.stopped.wait(0.01)
        return send(c, 200, b"\x00\x01" + r.path.encode() * 200)

    def chunked(self, c: socket.socket, r: Request) -> bool:
        c.sendall(head(200, {"Transfer-Encoding": "chunked"}))
        for at in range(0, len(CONTENT), 10_000):
            piece = CONTENT[at : at + 10_000]
            c.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        c.sendall(b"0\r\n\r\n")
        return True

    def ranges(self, c: socket.socket, r: Request) -> bool:
        """Breaks off in the middle the first time, goes on when asked properly."""
        return self._ranged(c, r, etag='"one"')

    def dated_ranges(self, c: socket.socket, r: Request) -> bool:
        return self._ranged(c, r, modified="Wed, 21 Oct 2026 07:28:00 GMT")

    def complete_part(self, c: socket.socket, r: Request) -> bool:
        """Sends everything, promises one byte more, then says that there is nothing left."""
        if r.start is None:
            c.sendall(head(200, {"Content-Length": str(len(CONTENT) + 1), "ETag": '"one"'}) + CONTENT)
            return False
        return send(c, 416, b"", {"Content-Range": f"bytes */{len(CONTENT)}"})

    def flaky(self, c: socket.socket, r: Request) -> bool:
        return send(c, 503 if r.seen < 2 else 200, CONTENT)

    def busy_for_a_second(self, c: socket.socket, r: Request) -> bool:
        return send(c, 429, b"", {"Retry-After": "1"}) if r.seen == 0 else send(c, 200, CONTENT)

    def busy_until(self, c: socket.socket, r: Request) -> bool:
        at = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
        return send(c, 503, b"", {"Retry-After": at}) if r.seen == 0 else send(c, 200, CONTENT)

    def moved(self, c: socket.socket, r: Request) -> bool:
        return send(c, 302, b"", {"Location": "/plain/after-a-redirect?token=of-the-target"})

    def packed(self, c: socket.socket, r: Request) -> bool:
        return send(c, 200, gzip.compress(CONTENT), {"Content-Encoding": "gzip"})

    def empty(self, c: socket.socket, r: Request) -> bool:
        return send(c, 200, b"")

    # Lies and failures

    def reset_at_start(self, c: socket.socket, r: Request) -> bool:
        return reset(c)

    def reset_in_headers(self, c: socket.socket, r: Request) -> bool:
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
        return reset(c)

    def reset_in_body(self, c: socket.socket, r: Request) -> bool:
        c.sendall(head(200, {"Content-Length": str(len(CONTENT))}) + CONTENT[:1000])
        return reset(c)

    def always_503(self, c: socket.socket, r: Request) -> bool:
        return send(c, 503, b"")

    def come_back_tomorrow(self, c: socket.socket, r: Request) -> bool:
        return send(c, 429, b"", {"Retry-After": "86400"})

    def gone(self, c: socket.socket, r: Request) -> bool:
        return send(c, 404, b"<html>nothing here</html>")

    def forbidden(self, c: socket.socket, r: Request) -> bool:
        return send(c, 403, b"")

    def promises_too_much(self, c: socket.socket, r: Request) -> bool:
        c.sendall(head(200, {"Content-Length": str(len(CONTENT) + 7)}) + CONTENT)
        return False

    def promises_too_little(self, c: socket.socket, r: Request) -> bool:
        c.sendall(head(200, {"Content-Length": str(_HALF)}) + CONTENT)
        return False

    def promises_nothing(self, c: socket.socket, r: Request) -> bool:
        c.sendall(head(200, {"Connection": "close"}) + CONTENT)
        return False

    def two_lengths(self, c: socket.socket, r: Request) -> bool:
        c.sendall(
            head(200, {"Content-Length": "7"}).replace(b"\r\n\r\n", b"\r\nContent-Length: 9\r\n\r\n") + CONTENT[:9]
        )
        return False

    def range_ignored(self, c: socket.socket, r: Request) -> bool:
        if r.seen == 0:
            return self._half(c, '"one"')
        return send(c, 200, CONTENT, {"ETag": '"one"'})

    def range_shifted(self, c: socket.socket, r: Request) -> bool:
        if r.start is None:
            return self._half(c, '"one"') if r.seen == 0 else send(c, 200, CONTENT, {"ETag": '"one"'})
        start = r.start + 5
        return send(c, 206, CONTENT[start:], {"Content-Range": content_range(start), "ETag": '"one"'})

    def range_without_place(self, c: socket.socket, r: Request) -> bool:
        if r.start is None:
            return self._half(c, '"one"') if r.seen == 0 else send(c, 200, CONTENT, {"ETag": '"one"'})
        return send(c, 206, CONTENT[r.start :])

    def etag_changed(self, c: socket.socket, r: Request) -> bool:
        """Other content lies under the address by the second request, and If-Range is not heeded."""
        if r.seen == 0:
            other = bytes(len(CONTENT))
            c.sendall(head(200, {"Content-Length": str(len(other)), "ETag": '"old"'}) + other[:_HALF])
            return reset(c)
        if r.start is not None:
            return send(c, 206, CONTENT[r.start :], {"Content-Range": content_range(r.start), "ETag": '"new"'})
        return send(c, 200, CONTENT, {"ETag": '"new"'})

    def if_range_heeded(self, c: socket.socket, r: Request) -> bool:
        if r.seen == 0:
            c.sendall(head(200, {"Content-Length": str(len(CONTENT)), "ETag": '"old"'}) + bytes(_HALF))
            return reset(c)
        assert r.headers.get("if-range") == '"old"'
        return send(c, 200, CONTENT, {"ETag": '"new"'})

    def packed_bomb(self, c: socket.socket, r: Request) -> bool:
        return send(c, 200, PACKED_BOMB, {"Content-Encoding": "gzip"})

    def packed_and_broken(self, c: socket.socket, r: Request) -> bool:
        return send(c, 200, gzip.compress(CONTENT)[:-20], {"Content-Encoding": "gzip"})

    def packed_strangely(self, c: socket.socket, r: Request) -> bool:
        return send(c, 200, CONTENT, {"Content-Encoding": "br"})

    def no_headers(self, c: socket.socket, r: Request) -> bool:
        self.stopped.wait(20)
        return False

    def slow_headers(self, c: socket.socket, r: Request) -> bool:
        return self._trickle(c, b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 10_000)

    def endless_headers(self, c: socket.socket, r: Request) -> bool:
        c.sendall(b"HTTP/1.1 200 OK\r\n")
        return self._forever(c, b"X-More: " + b"a" * 1000 + b"\r\n")

    def slow_body(self, c: socket.socket, r: Request) -> bool:
        c.sendall(head(200, {"Content-Length": str(len(CONTENT))}))
        return self._trickle(c, CONTENT)

    def stalled_body(self, c: socket.socket, r: Request) -> bool:
        c.sendall(head(200, {"Content-Length": str(len(CONTENT))}) + CONTENT[:1000])
        self.stopped.wait(20)
        return False

    def endless_body(self, c: socket.socket, r: Request) -> bool:
        c.sendall(head(200, {"Connection": "close"}))
        return self._forever(c, CONTENT[:8192])

    def ten_gigabytes(self, c: socket.socket, r: Request) -> bool:
        c.sendall(head(200, {"Content-Length": str(10 * 2**30)}) + CONTENT)
        self.stopped.wait(20)
        return False

    def loop(self, c: socket.socket, r: Request) -> bool:
        return send(c, 302, b"", {"Location": "/loop/again"})

    def to_metadata(self, c: socket.socket, r: Request) -> bool:
        return send(c, 302, b"", {"Location": "http://169.254.169.254/latest/meta-data/"})

    def to_private(self, c: socket.socket, r: Request) -> bool:
        return send(c, 302, b"", {"Location": f"http://127.0.0.2:{self.port}/plain"})

    def to_file(self, c: socket.socket, r: Request) -> bool:
        return send(c, 302, b"", {"Location": "file:///etc/passwd"})

    def to_nowhere(self, c: socket.socket, r: Request) -> bool:
        return send(c, 302, b"")

    def to_another_host(self, c: socket.socket, r: Request) -> bool:
        return send(c, 307, b"", {"Location": f"http://somebody:secret@127.0.0.1:{self.other_port}/plain"})

    def page(self, c: socket.socket, r: Request) -> bool:
        return send(c, 200, b"<!DOCTYPE html><html><body>Please log in</body></html>", {"Content-Type": "video/mp4"})

    def playlist(self, c: socket.socket, r: Request) -> bool:
        return send(c, 200, b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile:///etc/passwd\n")

    def not_http(self, c: socket.socket, r: Request) -> bool:
        c.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
        return False

    def continues(self, c: socket.socket, r: Request) -> bool:
        return self._forever(c, b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")

    def _half(self, c: socket.socket, etag: str) -> bool:
        c.sendall(head(200, {"Content-Length": str(len(CONTENT)), "ETag": etag}) + CONTENT[:_HALF])
        return reset(c)

    def _ranged(self, c: socket.socket, r: Request, etag: str = "", modified: str = "") -> bool:
        says = {"ETag": etag} if etag else {"Last-Modified": modified}
        start = r.start or 0
        if start:
            assert r.headers.get("if-range") == (etag or modified)
            return send(c, 206, CONTENT[start:], says | {"Content-Range": content_range(start)})
        c.sendall(head(200, says | {"Content-Length": str(len(CONTENT))}) + CONTENT[:_HALF])
        return reset(c)

    def _trickle(self, c: socket.socket, data: bytes) -> bool:
        for byte in data:
            c.sendall(bytes([byte]))
            if self.stopped.wait(0.02):
                break
        return False

    def _forever(self, c: socket.socket, data: bytes) -> bool:
        while not self.stopped.is_set():
            c.sendall(data)
        return False


def head(status: int, headers: dict[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} Whatever\r\n{lines}\r\n".encode()


def send(c: socket.socket, status: int, body: bytes, headers: dict[str, str] | None = None) -> bool:
    c.sendall(head(status, {"Content-Length": str(len(body))} | (headers or {})) + body)
    return True


def content_range(start: int) -> str:
    return f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"


def reset(c: socket.socket) -> bool:
    """End the connection with RST instead of FIN; what was sent before arrives first."""
    time.sleep(0.05)
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.close()
    return False


@contextmanager
def running(tls: ssl.SSLContext | None = None, serving: type[HostileServer] = HostileServer) -> Iterator[HostileServer]:
    """A server in threads, on all addresses of loopback."""
    server = serving()
    with socket.create_server(("0.0.0.0", 0), backlog=128) as listener:
        server.port = listener.getsockname()[1]
        accepting = threading.Thread(target=_accept, args=(listener, server, tls), daemon=True)
        accepting.start()
        try:
            yield server
        finally:
            server.stopped.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            accepting.join()


def _accept(listener: socket.socket, server: HostileServer, tls: ssl.SSLContext | None) -> None:
    while not server.stopped.is_set():
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(connection, server, tls), daemon=True).start()


def _serve(connection: socket.socket, server: HostileServer, tls: ssl.SSLContext | None) -> None:
    try:
        served = connection if tls is None else tls.wrap_socket(connection, server_side=True)
    except OSError:
        connection.close()
        return
    server.serve(served)
