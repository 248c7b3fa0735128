"""Workers of a farm, and drivers, as processes that begin at once: a server has imported the heavy libraries."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing import connection
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from pipelines.engines.local.wire import Broken, Ready, TaskDone
from pipelines.engines.local.worker import portable
from pipelines.farm.run import Batch, render_batch
from pipelines.farm.worker import Rendering
from schemas.config import LimitsConfig
from tests.pipelines.corpus_records import FORKS

FORKS.set_forkserver_preload(
    [
        "pipelines.farm.bench",
        "pipelines.farm.stepping_warp",
        "pipelines.farm.stepping_model",
        "pipelines.farm.run",
        "tests.pipelines.farm_processes",
    ]
)


def serve(work: Rendering, pipe: Connection, environment: dict[str, str]) -> None:
    """What `worker_main` does with a job of one task."""
    os.environ.update(environment)
    work.attach(pipe)
    try:
        work.setup()
        pipe.send([Ready()])
        for _ in work.run("render"):
            pass
        pipe.send([TaskDone(0)])
    except (BrokenPipeError, ConnectionResetError):
        return
    except Exception as error:
        pipe.send([Broken(portable(error, "a worker"))])


@dataclass(eq=False)
class ForkedHand:
    """A worker process as a `Hand`."""

    number: int
    process: Any
    pipe: Connection
    ready: bool = False
    seen_at: float = field(default_factory=time.monotonic)

    def send(self, message: Any) -> None:
        with contextlib.suppress(OSError):
            self.pipe.send(message)

    def receive(self) -> list[Any] | None:
        try:
            if self.pipe.poll():
                message: list[Any] = self.pipe.recv()
                self.seen_at = time.monotonic()
                return message
        except (EOFError, OSError):
            return None
        return [] if self.process.is_alive() or self.pipe.poll() else None

    def rss_bytes(self) -> int:
        return 0

    def death(self) -> str:
        self.process.join()
        return f"exit code {self.process.exitcode}"

    def last_words(self) -> str:
        return ""

    def kill(self) -> None:
        self.process.kill()

    def close(self) -> None:
        self.pipe.close()
        self.process.join(5)
        self.process.kill()


def pids_of(renders: Path) -> Path:
    """Where process id and time of birth of all workers that were hired for a folder are noted."""
    return renders.with_name(f"{renders.name}.pids")


class ForkedCrew:
    """Hires them. environment: of each worker."""

    memory_bytes = 2**60

    def __init__(self, work: Rendering, workers: int = 1, **environment: str) -> None:
        self.workers, self._work, self._environment = workers, work, environment
        self.hired = 0

    def hire(self) -> ForkedHand:
        ours, theirs = FORKS.Pipe()
        work = replace(self._work, place=self.hired)
        process = FORKS.Process(target=serve, args=(work, theirs, self._environment), daemon=True)
        process.start()
        theirs.close()
        self.hired += 1
        with pids_of(self._work.folder.root).open("a") as file:
            file.write(f"{process.pid} {psutil.Process(process.pid).create_time()}\n")
        return ForkedHand(self.hired, process, ours)

    def wait(self, hands: Sequence[ForkedHand], seconds: float) -> None:
        connection.wait([hand.pipe for hand in hands], seconds)

    def close(self) -> None:
        pass


class _Thread(threading.Thread):
    """What a `ForkedHand` asks of a process; it ends when its pipe does."""

    pid, exitcode = 0, 0

    def kill(self) -> None:
        pass


class ThreadCrew:
    """A worker within the driver's process: both die at once, as when a machine does."""

    workers, memory_bytes = 1, 2**60

    def __init__(self, work: Rendering) -> None:
        self._work = work

    def hire(self) -> ForkedHand:
        ours, theirs = FORKS.Pipe()
        thread = _Thread(target=serve, args=(self._work, theirs, {}), daemon=True)
        thread.start()
        return ForkedHand(1, thread, ours)

    def wait(self, hands: Sequence[ForkedHand], seconds: float) -> None:
        connection.wait([hand.pipe for hand in hands], seconds)

    def close(self) -> None:
        pass


def start_machine(batch: Batch) -> Any:
    """A driver and its worker in one process of their own."""
    process = FORKS.Process(target=_machine, args=(batch,))
    process.start()
    return process


def _machine(batch: Batch) -> None:
    render_batch(batch, ThreadCrew, lambda _, event: None, LimitsConfig())


def drive(
    batch: Batch,
    workers: int = 1,
    environment: dict[str, str] | None = None,
    told: Callable[[Any, Any], None] = lambda tally, event: None,
) -> Any:
    """Render a batch in this process with forked workers; the tally and what was told."""
    events: list[Any] = []

    def noted(tally: Any, event: Any) -> None:
        events.extend([event] if event is not None else [])
        told(tally, event)

    tally = render_batch(batch, lambda work: ForkedCrew(work, workers, **environment or {}), noted, LimitsConfig())
    return tally, events


def start_driver(batch: Batch, workers: int = 1, **environment: str) -> Any:
    """A driver in a process of its own."""
    process = FORKS.Process(target=_driven, args=(batch, workers, environment))
    process.start()
    return process


def _driven(batch: Batch, workers: int, environment: dict[str, str]) -> None:
    os.environ.update(environment)
    drive(batch, workers)
