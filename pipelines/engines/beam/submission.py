"""A running Beam job as the driver sees it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from types import TracebackType
from typing import Self

from pipelines.engines.beam.exchange import Exchange
from pipelines.engines.beam.options import RunnerOptions
from schemas.errors import FiguregroundError

_FINISH_S = 20.0
_CANCEL_S = 10.0
_LAST_LINES = 8


class Submission:
    """The process that runs or watches the job. Leaving the context ends it, gently if it `finished`."""

    def __init__(self, exchange: Exchange, options: RunnerOptions) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 closed with the context
        lifeline, self._near_end = os.pipe()
        call = (str(exchange.root), options.runner, list(options.arguments), lifeline)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _bootstrap(call)],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                pass_fds=(lifeline,),
                start_new_session=True,  # Ctrl-C is the driver's affair, and the whole group can be ended
            )
        except OSError as error:
            raise FiguregroundError(f"cannot start a process for the Beam job: {error}") from None
        finally:
            os.close(lifeline)
        self.finished = False
        self.seen_at = time.monotonic()
        self.seen = False

    def sign_of_life(self) -> None:
        """A worker of the job is there."""
        self.seen = True
        self.seen_at = time.monotonic()

    def loss(self, silence_s: float, start_s: float) -> str | None:
        """Why nothing more can be expected of the job; None while there is hope."""
        code = self._process.poll()
        if code is not None:
            return f"ended too early, exit code {code}"
        silent_s = time.monotonic() - self.seen_at
        if self.seen and silent_s > silence_s:
            return f"showed no worker at work for {silence_s:g} s"
        return f"had no worker after {start_s:g} s" if silent_s > start_s else None

    def last_words(self) -> str:
        """The end of what Beam said."""
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return "\n".join(lines[-_LAST_LINES:])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_FINISH_S if self.finished else 0)
        with contextlib.suppress(subprocess.TimeoutExpired, ProcessLookupError):
            self._process.terminate()
            self._process.wait(_CANCEL_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._near_end)
        self._log.close()


def _bootstrap(call: tuple[str, str, list[str], int]) -> str:
    return (
        f"import sys; sys.path[:] = {sys.path!r}; from pipelines.engines.beam.submit import submit_main; "
        f"submit_main(*{call!r})"
    )
