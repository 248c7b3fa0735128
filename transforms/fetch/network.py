"""The only way out to the network: names are resolved here, and what is connected to is what was judged."""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from types import TracebackType
from typing import Any

import httpcore
import httpx

from transforms.fetch.addresses import AddressRule

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Host name and port to literal addresses, in the order of preference. Raises OSError."""

CONNECTION_ERRORS = (
    OSError,
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ConnectionNotAvailable,
)
"""What connecting, sending and receiving may raise: the host's fault or the network's, so worth another try."""


async def resolve(host: str, port: int) -> list[str]:
    """Addresses by the system's resolver. Raises OSError if the name is unknown."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections to permitted addresses only.

    A name is resolved once per connection and the connection goes to the literal address that was judged, so a name
    that changes its address between the two gains nothing. TLS still checks the certificate against the name.
    """

    def __init__(self, rule: AddressRule, resolver: Resolve = resolve) -> None:
        self._rule, self._resolve, self._backend = rule, resolver, httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first permitted address that answers. Raises MediaError `refused` if none is permitted."""
        addresses = await self._addresses(host, port)
        permitted = [address for address in addresses if self._rule.permits(address)]
        if not permitted:
            self._rule.require(host, addresses[0])
        for address in permitted[:-1]:
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._backend.connect_tcp(permitted[-1], port, timeout, local_address, socket_options)

    async def _addresses(self, host: str, port: int) -> list[str]:
        try:
            addresses = await self._resolve(host.strip("[]"), port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved: {error}") from None
        if not addresses:
            raise httpcore.ConnectError(f"{host} has no address")
        return addresses

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Never: no source lies behind a socket of this machine."""
        raise httpcore.UnsupportedProtocol("sources are not fetched over Unix sockets")

    async def sleep(self, seconds: float) -> None:
        """Wait between the pool's own tries."""
        await asyncio.sleep(seconds)


class GuardedTransport(httpx.AsyncBaseTransport):
    """One request, one answer: no redirects, cookies, proxies or credentials of the environment.

    Raises `CONNECTION_ERRORS`, and MediaError `refused` for an address that is not permitted.
    """

    def __init__(self, rule: AddressRule, connections: int, *, resolver: Resolve = resolve, verify: Any = True) -> None:
        """verify: as for httpx: True (the usual authorities, or SSL_CERT_FILE), or an SSLContext with others."""
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_usual_authorities() if verify is True else httpx.create_ssl_context(verify=verify),
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=5.0,
            network_backend=GuardedBackend(rule, resolver),
        )

    async def __aenter__(self) -> GuardedTransport:
        await self._pool.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        await self._pool.__aexit__(kind, error, trace)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the answer's body is not read yet."""
        url = request.url
        answer = await self._pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Body(answer.stream),
            extensions=answer.extensions,
        )


@functools.cache
def _usual_authorities() -> ssl.SSLContext:
    """Reading them takes a third of a second."""
    return httpx.create_ssl_context()


class _Body(httpx.AsyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()
