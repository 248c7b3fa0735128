"""A cluster that is there already, reached by each kind of address; the run leaves it as it was."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines.corpus.check import check
from tests.command_line import REPOSITORY
from tests.pipelines.simulated import pretend, write_sources

START_S = 240
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}


@dataclass(frozen=True)
class Head:
    process: subprocess.Popen[bytes]
    environment: dict[str, str]
    port: int
    client_port: int


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    """`ray start --head` on the loopback address; its sockets need a short path."""
    with tempfile.TemporaryDirectory(prefix="r") as folder:
        port, client_port = free_port(), free_port()
        environment = QUIET | {"RAY_TMPDIR": folder}
        command = [
            *(str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--include-dashboard=false"),
            *("--node-ip-address=127.0.0.1", f"--port={port}", f"--ray-client-server-port={client_port}"),
            *("--num-cpus=4", f"--object-store-memory={256 * 2**20}", "--disable-usage-stats"),
        ]
        # Nodes have figureground installed, but not the pretended stages.
        installed = {"PYTHONPATH": str(REPOSITORY)}
        process = subprocess.Popen(command, env=os.environ | environment | installed, start_new_session=True)
        try:
            wait_for(client_port)
            yield Head(process, environment, port, client_port)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise TimeoutError("Ray did not start")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("address", ["auto", "127.0.0.1:{port}", "ray://127.0.0.1:{client_port}"])
def test_a_run_on_a_cluster_that_is_there_gives_the_same_corpus_and_leaves_it(
    head: Head, address: str, tmp_path: Path
) -> None:
    sources = write_sources(tmp_path / "sources", 3)
    address = address.format(port=head.port, client_port=head.client_port)
    run = pretend("curate", sources, "--corpus", tmp_path / "there", "--engine", "ray", "--workers", 2, "--quiet",
                  "--set", f"ray.address={address}", "--set", "ray.start_s=240", **head.environment)  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert pretend("curate", sources, "--corpus", tmp_path / "here", "--quiet").returncode == 0
    assert check(tmp_path / "there").digest == check(tmp_path / "here").digest
    assert head.process.poll() is None
