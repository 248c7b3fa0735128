"""An S3-compatible server on loopback, in a process of its own, and a proxy before it that makes trouble.

The proxy speaks real HTTP: of every hundred requests it turns some away with 503 SlowDown, and of some writes it
passes on every byte, waits until they are done, and drops the connection instead of giving the answer.
"""

from __future__ import annotations

import http.client
import logging
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.command_line import REPOSITORY

SLOW_DOWN = (
    b'<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>'
)
SLOW_PERCENT, DROPPED_PERCENT = 20, 25


@contextmanager
def s3_server() -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Environments in which clients find the server, and the server through the proxy. There is one bucket, `data`."""
    command = [sys.executable, "-m", "tests.pipelines.s3_server"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None and server.stdout is not None
        for line in server.stdout:
            if line.startswith("ports"):
                direct, troubled = line.split()[1:]
                break
        try:
            yield _environment(direct), _environment(troubled)
        finally:
            server.stdin.close()


def _environment(port: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_REGION": "us-east-1",
    }


class Trouble(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    chance = random.Random(3)
    lock = threading.Lock()
    behind: int

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.lock:
            slow, dropped = self.chance.random() * 100 < SLOW_PERCENT, self.chance.random() * 100 < DROPPED_PERCENT
        if slow:
            self._answer(503, {}, SLOW_DOWN)
            return
        server = http.client.HTTPConnection("127.0.0.1", self.behind)
        server.request(self.command, self.path, body, dict(self.headers))
        answer = server.getresponse()
        content = answer.read()
        server.close()
        if dropped and self.command in ("PUT", "POST", "DELETE"):
            self.close_connection = True
            return
        self._answer(answer.status, dict(answer.getheaders()), content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass_on

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        length = headers.pop("Content-Length", None) if self.command == "HEAD" else None
        for name, value in headers.items():
            if name.lower() not in ("connection", "transfer-encoding", "content-length", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else content)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def main() -> None:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    _, Trouble.behind = moto.get_host_and_port()
    connection = http.client.HTTPConnection("127.0.0.1", Trouble.behind)
    connection.request("PUT", "/data")
    assert connection.getresponse().status == 200
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Trouble)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    print("ports", Trouble.behind, proxy.server_port, flush=True)
    sys.stdin.read()  # until the test has ended, or is dead


if __name__ == "__main__":
    main()
