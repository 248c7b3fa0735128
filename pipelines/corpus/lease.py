"""The writer's lock in a bucket, where no operating system frees what a dead process held.

The lock is an object that its holder rewrites every few seconds; each write is conditional on the version before it.
Whoever finds it in place watches: a lock that stays the same for long is dead and is taken over. No clocks are
compared. A holder that could not write for so long that it may have been given up commits nothing more; should it
come to that all the same, its commits are conflicts (see `Tables`).
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
import uuid
from dataclasses import dataclass

from pipelines.corpus.holder import in_words, is_gone, this_process
from pipelines.corpus.objects import ObjectPath, Tag
from schemas.errors import CorpusError

_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Pace:
    """beat_s: how often a holder shows that it lives. dead_s: how long a lock may stay the same."""

    beat_s: float = 5.0
    dead_s: float = 30.0


class Lease:
    """A held lock. what: it is for, in messages. Raises CorpusError naming the holder if somebody else has it."""

    def __init__(self, place: ObjectPath, what: str, pace: Pace | None = None) -> None:
        self._place = place
        self._what = what
        self._pace = pace or Pace()
        self._holder = this_process() | {"token": uuid.uuid4().hex}
        self._beats = 0
        self._lost = False
        try:
            self._tag = self._acquire()
        except OSError as error:
            raise CorpusError(f"cannot write {place}: {error.strerror}") from None
        self._alive_at = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)
        self._thread.start()

    def require(self) -> None:
        """Raise CorpusError if another driver may have taken the lock."""
        if self._lost or time.monotonic() - self._alive_at > self._pace.dead_s:
            raise CorpusError(f"{self._what}: the lock was lost, another driver may be writing; run again")

    def release(self) -> None:
        """Give the lock back, if it is still ours."""
        self._over.set()
        self._thread.join()
        if not self._lost:
            with contextlib.suppress(OSError):  # it will be found dead
                self._place.unlink()

    def _acquire(self) -> Tag:
        while True:
            with contextlib.suppress(FileExistsError):
                return self._put(None)
            with contextlib.suppress(FileExistsError, FileNotFoundError):
                return self._put(self._dead_lock())

    def _dead_lock(self) -> Tag:
        """The lock that is there, once it is known to be dead. Raises CorpusError if it lives."""
        content, tag = self._place.read_version()
        until = time.monotonic() + self._pace.dead_s
        while not is_gone(content) and time.monotonic() < until:
            time.sleep(_POLL_S)
            if self._place.read_version()[1] != tag:
                raise CorpusError(f"{self._what} is being written by {in_words(content)}; wait for it or stop it")
        return tag

    def _keep(self) -> None:
        while not self._over.wait(self._pace.beat_s):
            self._beats += 1
            began = time.monotonic()
            try:
                self._tag = self._put(self._tag)
                self._alive_at = began
            except (FileExistsError, FileNotFoundError):
                self._lost = True
                return
            except OSError:
                continue  # `require` knows for how long this may go on

    def _put(self, before: Tag | None) -> Tag:
        """Write the lock over the version `before`, or where there is none. Raises FileExistsError."""
        content = self._content()
        try:
            return self._place.create(content) if before is None else self._place.replace(content, before)
        except FileExistsError:
            there, tag = self._place.read_version()
            if there != content:  # else it is ours, sent again by the library after the answer was lost
                raise
            return tag

    def _content(self) -> bytes:
        return json.dumps(self._holder | {"beats": self._beats}).encode()
