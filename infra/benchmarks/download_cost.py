"""Downloading many small files from loopback: ours beside a bare loop of httpx that writes the same files.

The server is a process of its own. Ours is what a curation runs: digests, sniffing, limits, address rules and all.

python -m infra.benchmarks.download_cost [--files 1000] [--kib 64] [--rounds 7]
"""

from __future__ import annotations

import argparse
import asyncio
import os
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
from transforms.fetch.stream import fetch_lots

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
    """Rounds of both, taking turns at being first; what is told of the rate and of CPU time are medians of rounds."""
    arguments = argparse.ArgumentParser()
    for name, default in (("files", 1000), ("kib", 64), ("rounds", 7)):
        arguments.add_argument(f"--{name}", type=int, default=default)
    options = arguments.parse_args()
    loops = {"httpx loop": _bare, "downloads": _ours}
    rates: dict[str, list[float]] = {name: [] for name in loops}
    cpu_ms: dict[str, list[float]] = {name: [] for name in loops}
    with _server(options.kib) as address:
        uris = [f"{address}/{n}" for n in range(options.files)]
        for number in range(options.rounds):
            for name in sorted(loops, reverse=bool(number % 2)):
                with tempfile.TemporaryDirectory() as folder:
                    started, cpu = time.perf_counter(), time.process_time()
                    loops[name](uris, Path(folder))
                    rates[name].append(len(uris) / (time.perf_counter() - started))
                    cpu_ms[name].append(1000 * (time.process_time() - cpu) / len(uris))
    for name, measured in rates.items():
        span = f"({min(measured):.0f} to {max(measured):.0f})"
        spent = f"{statistics.median(cpu_ms[name]):.2f} CPU ms a file"
        print(f"{name:12} {statistics.median(measured):6.0f} files/s {span:14} {spent}")
    ratios = [ours / bare for ours, bare in zip(rates["downloads"], rates["httpx loop"], strict=True)]
    print(f"ratio by round: {statistics.median(ratios):.2f}  ({min(ratios):.2f} to {max(ratios):.2f})")
    print(f"load at the end: {os.getloadavg()[0]:.1f}")


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
    lots = fetch_lots(uris, SourceStore(folder), config)
    fetched = sum(isinstance(one, Fetched) for lot in lots for one in lot)
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
