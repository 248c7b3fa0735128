"""Downloading many small files from loopback: ours beside a bare loop of httpx that writes the same files.

python -m infra.benchmarks.download_cost [--files 1000] [--kib 64] [--rounds 5]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from schemas.fetch import FetchConfig
from transforms.fetch.fetcher import Fetched
from transforms.fetch.store import SourceStore
from transforms.fetch.stream import fetch_all

_AT_A_TIME = 16
_SERVER = """
import asyncio, os, sys
kib = int(sys.argv[1])
async def serve(reader, writer):
    try:
        while True:
            request = await reader.readuntil(b"\\r\\n\\r\\n")
            name = request.split(b" ", 2)[1]
            body = (name + b"\\x00" * 64)[:64] + bytes(kib * 1024 - 64)
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\nETag: \\"1\\"\\r\\n\\r\\n" % len(body) + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


def main() -> None:
    """Rounds of both, taking turns; medians at the end."""
    arguments = argparse.ArgumentParser()
    for name, default in (("files", 1000), ("kib", 64), ("rounds", 5)):
        arguments.add_argument(f"--{name}", type=int, default=default)
    options = arguments.parse_args()
    rates: dict[str, list[float]] = {"httpx loop": [], "fetch_all": []}
    with _server(options.kib) as address:
        uris = [f"{address}/{n}" for n in range(options.files)]
        for _ in range(options.rounds):
            for name, run in (("httpx loop", _bare), ("fetch_all", _ours)):
                with tempfile.TemporaryDirectory() as folder:
                    started = time.perf_counter()
                    run(uris, Path(folder))
                    rates[name].append(len(uris) / (time.perf_counter() - started))
    for name, measured in rates.items():
        print(f"{name:12} {statistics.median(measured):6.0f} files/s  ({min(measured):.0f} to {max(measured):.0f})")
    print(f"ratio        {statistics.median(rates['fetch_all']) / statistics.median(rates['httpx loop']):6.2f}")


def _bare(uris: list[str], folder: Path) -> None:
    async def run() -> None:
        slots = asyncio.Semaphore(_AT_A_TIME)

        async def one(client: httpx.AsyncClient, index: int, uri: str) -> None:
            async with slots, client.stream("GET", uri) as answer:
                answer.raise_for_status()
                with (folder / str(index)).open("wb") as file:
                    async for piece in answer.aiter_bytes():
                        file.write(piece)

        async with httpx.AsyncClient(limits=httpx.Limits(max_connections=_AT_A_TIME)) as client:
            await asyncio.gather(*(one(client, index, uri) for index, uri in enumerate(uris)))

    asyncio.run(run())


def _ours(uris: list[str], folder: Path) -> None:
    config = FetchConfig(concurrency=_AT_A_TIME, per_host=_AT_A_TIME, allow_private_network=True)
    fetched = sum(isinstance(one, Fetched) for one in fetch_all(uris, SourceStore(folder), config))
    assert fetched == len(uris)


@contextmanager
def _server(kib: int) -> Iterator[str]:
    process = subprocess.Popen([sys.executable, "-c", _SERVER, str(kib)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
