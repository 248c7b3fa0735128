"""Downloading a large file: goes on where it was cut off, counts what arrives."""

from __future__ import annotations

import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from schemas.errors import WeightsError

Received = Callable[[int, int | None], None]
"""Told how many bytes are there, and how many there will be, if the server says."""

_BLOCK_BYTES = 2**20
_TIMEOUT_S = 30.0
_ATTEMPTS = 5
_PAUSE_S = 0.5
_RANGE_NOT_SATISFIABLE = 416
_PARTIAL = 206
_SERVER_ERROR = 500


def download(url: str, target: Path, received: Received | None = None) -> None:
    """Fetch `url` into `target`, beginning where an earlier attempt ended; lost connections are taken up again.

    Raises WeightsError if the server refuses or the connection is lost too often. What arrived stays in `target`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    failures = 0
    while True:
        before = _size(target)
        try:
            if _receive(url, target, received):
                return
            raise ConnectionError("the connection was closed too early")
        except urllib.error.HTTPError as error:
            if error.code < _SERVER_ERROR:
                raise WeightsError(f"{url}: the server answers {error.code} {error.reason}") from None
            lost: Exception = error
        except (OSError, http.client.HTTPException) as error:
            lost = error
        failures = 1 if _size(target) > before else failures + 1
        if failures >= _ATTEMPTS:
            raise WeightsError(f"{url} cannot be fetched: {lost}. What arrived is kept; try again") from None
        time.sleep(_PAUSE_S * failures)


def _receive(url: str, target: Path, received: Received | None) -> bool:
    """One request; whether the file is whole after it."""
    start = _size(target)
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})  # noqa: S310 the registry's own addresses
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT_S)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code == _RANGE_NOT_SATISFIABLE and start:
            return True  # all of it is there already; the digest will tell
        raise
    with answer:
        if answer.status != _PARTIAL:
            start = 0
        length = answer.headers.get("Content-Length")
        total = start + int(length) if length else None
        with target.open("ab" if start else "wb") as out:
            while block := answer.read(_BLOCK_BYTES):
                out.write(block)
                if received is not None:
                    received(out.tell(), total)
            out.flush()
            os.fsync(out.fileno())
    return total is None or _size(target) >= total


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
