"""A proxy on loopback through which another program reaches permitted addresses only."""

from __future__ import annotations

import asyncio
import base64
import secrets
from contextlib import suppress
from urllib.parse import urlsplit

from schemas.errors import MediaError
from transforms.fetch.addresses import AddressRule
from transforms.fetch.network import Resolve

_HEAD_BYTES = 1 << 16
_BLOCK_BYTES = 1 << 16
_LARGEST_BODY_BYTES = 1 << 20
_HTTP_PORT = 80


class GuardedProxy:
    """HTTP proxy for one child process; use as an async context manager. url: what the child is told, with a password.

    Addresses are judged as for our own downloads: on the literal address that is connected to.
    """

    def __init__(self, rule: AddressRule, resolver: Resolve) -> None:
        self._rule, self._resolve = rule, resolver
        self._password = secrets.token_hex(16)
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> GuardedProxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_HEAD_BYTES)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://figureground:{self._password}@127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._forward(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            with suppress(OSError):
                writer.write(b"HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n")
        except MediaError:
            with suppress(OSError):
                writer.write(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n")
        finally:
            self._connections.discard(task)
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        method, target, _ = first.split(" ")
        if not self._authorised(lines):
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nConnection: close\r\n\r\n")
            return
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        if parts.hostname is None:
            raise ValueError("no host")
        far_reader, far_writer = await self._connect(parts.hostname, parts.port or _HTTP_PORT)
        try:
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await asyncio.gather(_pipe(reader, far_writer), _pipe(far_reader, writer))
            else:
                path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                far_writer.write(_head(f"{method} {path} HTTP/1.1", lines) + await _body(reader, lines))
                # A second request on this connection would go unjudged, so the client is told to make a new one.
                first, *lines = (await far_reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
                writer.write(_head(first, lines))
                await _pipe(far_reader, writer)
        finally:
            far_writer.close()

    def _authorised(self, lines: list[str]) -> bool:
        expected = "Basic " + base64.b64encode(f"figureground:{self._password}".encode()).decode()
        fields = (line.partition(":") for line in lines)
        return any(name.lower() == "proxy-authorization" and value.strip() == expected for name, _, value in fields)

    async def _connect(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        addresses = await self._resolve(host, port)
        for address in addresses:
            if self._rule.permits(address):
                return await asyncio.open_connection(address, port)
        self._rule.require(host, addresses[0])
        raise AssertionError("unreachable: the first address is not permitted")


def _head(first: str, lines: list[str]) -> bytes:
    """The head of a request or an answer, without what was meant for the proxy."""
    dropped = ("proxy-", "connection:", "keep-alive:")
    kept = [line for line in lines if not line.lower().startswith(dropped)]
    return "\r\n".join([first, *kept, "Connection: close", "", ""]).encode("latin-1")


async def _body(reader: asyncio.StreamReader, lines: list[str]) -> bytes:
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return await reader.readexactly(min(int(fields.get("content-length", 0)), _LARGEST_BODY_BYTES))


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while block := await reader.read(_BLOCK_BYTES):
            writer.write(block)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
