"""One writer at a time: on a disk an operating-system lock, which a dead process cannot keep; in a bucket a lease."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from pipelines.corpus.holder import in_words, this_process
from pipelines.corpus.layout import Layout, Place
from pipelines.corpus.lease import Lease
from schemas.errors import CorpusError

Require = Callable[[], None]
"""Raises CorpusError if the lock is lost."""

# POSIX locks are used because forked workers do not inherit them, as they would `flock`; the price is that
# they do not exclude the same process, so it remembers what it holds.
_held_here: set[Place] = set()


@contextmanager
def writer_lock(layout: Layout) -> Iterator[Require]:
    """Hold the corpus for writing. Raises CorpusError naming the holder if somebody else has it."""
    if layout.root in _held_here:
        raise CorpusError(f"{layout.root} is already open for writing in this process")
    with _held(layout) as require:
        _held_here.add(layout.root)
        try:
            yield require
        finally:
            _held_here.discard(layout.root)


@contextmanager
def _held(layout: Layout) -> Iterator[Require]:
    if not isinstance(layout.lock, Path):
        lease = Lease(layout.lock, str(layout.root))
        try:
            yield lease.require
        finally:
            lease.release()
        return
    with file_lock(layout.lock, str(layout.root)):
        yield lambda: None


@contextmanager
def file_lock(path: Path, of: str) -> Iterator[None]:
    """Hold a file that says who writes `of`. Raises CorpusError naming the process that has it, if another has."""
    with _open(path) as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            raise CorpusError(f"{of} is being written by {in_words(_content(file))}; wait for it or stop it") from None
        _sign(file)
        yield


def _open(path: Path) -> TextIO:
    try:
        return path.open("a+")
    except OSError as error:
        raise CorpusError(f"cannot write {path}: {error.strerror}") from None


def _sign(file: TextIO) -> None:
    file.truncate(0)
    json.dump(this_process(), file)
    file.flush()


def _content(file: TextIO) -> str:
    file.seek(0)
    return file.read()
