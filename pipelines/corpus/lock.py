"""One writer at a time: an operating-system lock, which a dead process cannot keep."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from pipelines.corpus.layout import Layout
from schemas.errors import CorpusError

# POSIX locks are used because forked workers do not inherit them, as they would `flock`; the price is that
# they do not exclude the same process, so it remembers what it holds.
_held_here: set[Path] = set()


@contextmanager
def writer_lock(layout: Layout) -> Iterator[None]:
    """Hold the corpus for writing. Raises CorpusError naming the holder if somebody else has it."""
    if layout.root in _held_here:
        raise CorpusError(f"{layout.root} is already open for writing in this process")
    with _open(layout.lock) as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            raise CorpusError(f"{layout.root} is being written by {_holder(file)}; wait for it or stop it") from None
        _sign(file)
        _held_here.add(layout.root)
        try:
            yield
        finally:
            _held_here.discard(layout.root)


def _open(path: Path) -> TextIO:
    try:
        return path.open("a+")
    except OSError as error:
        raise CorpusError(f"cannot write {path}: {error.strerror}") from None


def _sign(file: TextIO) -> None:
    file.truncate(0)
    since = datetime.now(UTC).isoformat(timespec="seconds")
    json.dump({"pid": os.getpid(), "host": socket.gethostname(), "since": since}, file)
    file.flush()


def _holder(file: TextIO) -> str:
    file.seek(0)
    try:
        holder = json.load(file)
        return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    except (ValueError, KeyError):
        return "another process"
