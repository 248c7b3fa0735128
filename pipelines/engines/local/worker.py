"""The worker's side: one job after the other, set up once, then one task at a time, until the driver leaves or dies."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import pickle
import resource
import signal
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pipelines.engines.local.outbox import Outbox
from pipelines.engines.local.wire import Broken, Ready, Starved
from pipelines.job import Job
from schemas.errors import FiguregroundError
from transforms.decode.confinement import confine

_PR_SET_PDEATHSIG = 1
_STDERR = 2


def worker_main(pipe_fd: int, lifeline_fd: int, most_bytes: int) -> None:
    """Entry point of a worker process. pipe_fd: to the driver. lifeline_fd: closes when the driver dies.

    most_bytes: an allocation beyond this fails.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's affair
    _die_with_the_driver(lifeline_fd)
    faulthandler.enable(_STDERR, all_threads=False)
    confine(most_bytes)
    pipe = Connection(pipe_fd)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while _serve(pipe):
            pass
    os._exit(0)  # the job is torn down; native libraries need not unload


def _serve(pipe: Connection) -> bool:
    """Do one job; False if the worker is good for no other. Raises EOFError if there is none."""
    try:
        job: Job[Any] = pipe.recv()
        job.attach(pipe)
        job.setup()
    except EOFError:
        raise
    except Exception as error:  # whatever it is, every worker would meet it
        pipe.send([Broken(portable(error, "a worker could not be set up"))])
        return False
    pipe.send([Ready()])
    with contextlib.suppress(EOFError):
        while (task := pipe.recv()) is not None:
            _clear_log()
            try:
                _run(job, task, pipe)
            except (BrokenPipeError, ConnectionResetError):
                raise
            except MemoryError:
                traceback.print_exc()
                pipe.send([Starved()])
                return False
            except Exception as error:  # an item's error is an outcome; this one breaks every item
                pipe.send([Broken(portable(error, f"{job.label(task)}: the work could not go on"))])
                return False
    job.teardown()
    return True


def _run(job: Job[Any], task: Any, pipe: Connection) -> None:
    outbox = Outbox(pipe)
    for event in job.run(task):
        outbox.put(event)
    outbox.finish(_peak_rss_bytes())


def _clear_log() -> None:
    os.ftruncate(_STDERR, 0)
    os.lseek(_STDERR, 0, os.SEEK_SET)


def portable(error: Exception, context: str) -> FiguregroundError:
    """The error itself if it is one of ours and survives the pipe, else its words."""
    traceback.print_exception(error)
    with contextlib.suppress(Exception):
        if isinstance(error, FiguregroundError) and isinstance(pickle.loads(pickle.dumps(error)), type(error)):  # noqa: S301
            return error
    return FiguregroundError(f"{context}: {type(error).__name__}: {error}")


def _die_with_the_driver(lifeline_fd: int) -> None:
    """Leave no orphan: the kernel's signal where there is one, and a thread that sees the lifeline close."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch() -> None:
        os.read(lifeline_fd, 1)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True, name="lifeline").start()


def _peak_rss_bytes() -> int:
    if sys.platform == "linux":  # ru_maxrss of a new process there still holds its parent's peak
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
