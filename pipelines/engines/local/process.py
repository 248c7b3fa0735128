"""A worker process as the driver sees it."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing import Pipe
from typing import Any

import psutil

from schemas.errors import FiguregroundError

_LEAVE_S = 5.0
_LOG_TAIL_BYTES = 16_384
_LAST_LINES = 8
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
"""Our matrices are small, and idle OpenBLAS threads cost CPU from the import of NumPy on."""
_numbers = itertools.count(1)


class WorkerProcess:
    """A fresh interpreter that does one job after the other; its output goes to a file that is shown only if it dies.

    It is started without multiprocessing's bootstrap, which would import the driver's main module again.
    """

    def __init__(self, threads: int, memory_bytes: int, gpu: str | None = None) -> None:
        """memory_bytes: what it should hold at most; at twice that, the system gives it no more.

        gpu: the only one it sees, as CUDA_VISIBLE_DEVICES names it; None: it sees what this process does.
        Raises FiguregroundError if the system gives no process, pipe or file.
        """
        self.number = next(_numbers)
        self.memory_bytes, self.gpu = memory_bytes, gpu
        try:
            self._start(threads, 2 * memory_bytes)
        except OSError as error:
            raise FiguregroundError(f"cannot start a worker process: {error}") from None

    def take_on(self, job: bytes) -> None:
        """Begin a job, pickled; the worker must have none."""
        self.ready = False
        self.seen_at = time.monotonic()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.pipe.send_bytes(job)

    def _start(self, threads: int, most_bytes: int) -> None:
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            self._log = ours.enter_context(tempfile.TemporaryFile())
            self.pipe, far_end = Pipe()
            ours.callback(self.pipe.close)
            theirs.callback(far_end.close)
            lifeline, near_end = os.pipe()
            ours.callback(os.close, near_end)
            theirs.callback(os.close, lifeline)
            with _sigint_held_back():
                self._process = subprocess.Popen(
                    [sys.executable, "-c", _bootstrap(far_end.fileno(), lifeline, most_bytes)],
                    stdin=subprocess.DEVNULL,
                    stdout=self._log,
                    stderr=self._log,
                    pass_fds=(far_end.fileno(), lifeline),
                    env={name: str(threads) for name in _THREAD_VARIABLES} | _ONE_THREAD | os.environ | self._sight(),
                )
            self._ours = ours.pop_all()

    def _sight(self) -> dict[str, str]:
        return {} if self.gpu is None else {"CUDA_VISIBLE_DEVICES": self.gpu}

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def send(self, message: Any) -> None:
        """Send a task, or None for the end of the job. A dead worker is noticed by `receive`, not here."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.pipe.send(message)

    def receive(self) -> list[Any] | None:
        """The next message, [] if there is none now, None if the worker is dead and has said everything."""
        try:
            if self.pipe.poll():
                message: list[Any] = self.pipe.recv()
                self.seen_at = time.monotonic()
                return message
        except (EOFError, OSError):  # OSError: it died in the middle of a message
            return None
        return None if self._process.poll() is not None and not self.pipe.poll() else []

    def rss_bytes(self) -> int:
        """Memory held now; 0 if it is gone."""
        try:
            return int(psutil.Process(self.pid).memory_info().rss)
        except psutil.Error:
            return 0

    def death(self) -> str:
        """How it ended: a signal's name or an exit code. Waits for the end."""
        code = self._process.wait()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def last_words(self) -> str:
        """What it said of the crash, or else the end of its output since the task began."""
        descriptor = self._log.fileno()
        start = max(0, os.fstat(descriptor).st_size - _LOG_TAIL_BYTES)
        text = os.pread(descriptor, _LOG_TAIL_BYTES, start).decode(errors="replace")
        _, crash, story = text.rpartition("Fatal Python error")
        lines = (crash + story).strip().splitlines()
        return "\n".join(lines[:_LAST_LINES] if crash else lines[-_LAST_LINES:])

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def close(self) -> None:
        """Let it end its job and leave; end it if it doesn't, and free everything."""
        self.pipe.close()
        try:
            self._process.wait(_LEAVE_S if self.ready else 0)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
        self._ours.close()


def _bootstrap(pipe_fd: int, lifeline_fd: int, most_bytes: int) -> str:
    return (
        f"import sys; sys.path[:] = {sys.path!r}; from pipelines.engines.local.worker import worker_main; "
        f"worker_main({pipe_fd}, {lifeline_fd}, {most_bytes})"
    )


@contextlib.contextmanager
def _sigint_held_back() -> Iterator[None]:
    """Ctrl-C reaches the driver a moment later, and the new process, which inherits the mask, never."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
