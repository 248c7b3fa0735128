"""The folder over which the driver and the workers of a Beam job talk.

A Beam job gives its output back when it has ended; the driver wants every part as soon as it is written. So tasks,
records of what became of them, and signs of life are small files in one folder that both sides see.

job                  what every worker needs: job, limits, threads
tasks/<chunk>        some tasks
records/<task>-<k>   the k-th record of a task that is not done; claimed by the attempt that writes it first
done/<task>          every record of the task was taken
beats/<worker>       rewritten by a worker as long as it works
notes/<name>         notices for the user
pulse                rewritten by the driver as long as it lives; a worker that misses it stops
broken               the error that ends the run
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pickle
import platform
import shutil
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.events import Event, Notice, Position
from pipelines.job import Job
from schemas.config import LimitsConfig
from schemas.errors import FiguregroundError

PREFIX = "run-"
_CHUNK = 256
_ABANDONED_S = 900.0
_FOLDERS = ("tasks", "records", "done", "beats", "notes")


@dataclass(frozen=True, slots=True)
class Brief:
    """What every worker of a run needs. memory_bytes: most a worker may hold; None, its share of its machine."""

    job: Job[Any]
    limits: LimitsConfig
    threads: int
    memory_bytes: int | None
    workers_per_machine: int | None


@dataclass(frozen=True, slots=True)
class Record:
    """A settled piece of a task: counts and the result they led to, to be delivered together or not at all.

    final: the task has its verdict.
    """

    events: tuple[Event, ...]
    final: bool


@dataclass(frozen=True, slots=True)
class Beat:
    """A worker's sign of life; no two of one worker are equal. position: how far its task has come, if it says."""

    count: int
    task: int
    position: Position | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """Paths and file operations of one run. Picklable. Files are pickles: the folder must be the user's own."""

    root: Path

    def create(self, brief: Brief) -> None:
        """Make the folder. Raises FiguregroundError if it cannot be written."""
        try:
            for name in _FOLDERS:
                (self.root / name).mkdir(parents=True)
            self.beat_as_driver(0)
            _publish(self.root / "job", brief)
        except OSError as error:
            raise FiguregroundError(f"cannot write {self.root}: {error.strerror}") from None

    def remove(self) -> None:
        """End of the run: workers that are still there find no pulse and stop."""
        (self.root / "pulse").unlink(missing_ok=True)
        shutil.rmtree(self.root, ignore_errors=True)

    def remove_abandoned(self) -> None:
        """Remove runs beside this one whose driver is long dead; by the clock of the file system that holds them."""
        now = (self.root / "pulse").stat().st_mtime
        for pulse in self.root.parent.glob(f"{PREFIX}*/pulse"):
            with contextlib.suppress(FileNotFoundError):
                if now - pulse.stat().st_mtime > _ABANDONED_S:
                    Exchange(pulse.parent).remove()

    def brief(self) -> Brief:
        """What `create` was given. Raises FiguregroundError if this machine does not see the folder."""
        try:
            brief: Brief = _load(self.root / "job")
        except FileNotFoundError:
            raise FiguregroundError(
                f"{platform.node()} does not see {self.root}; set beam.exchange to a folder that every worker reaches"
            ) from None
        return brief

    def put_tasks(self, tasks: Iterable[Any]) -> int:
        """Write tasks, numbered from 0; returns how many."""
        incoming = enumerate(tasks)
        written = 0
        for chunk in itertools.count():
            batch = [(number, pickle.dumps(task)) for number, task in itertools.islice(incoming, _CHUNK)]
            if not batch:
                return written
            _publish(self.root / "tasks" / f"{chunk:08d}", batch)
            written += len(batch)
        raise AssertionError

    def chunks(self) -> list[str]:
        """Names of the task files."""
        return sorted(path.name for path in (self.root / "tasks").iterdir())

    def tasks(self, chunk: str) -> list[tuple[int, bytes]]:
        """Numbers and pickled tasks of a chunk."""
        batch: list[tuple[int, bytes]] = _load(self.root / "tasks" / chunk)
        return batch

    def claim(self, task: int, k: int, record: Record) -> bool:
        """Write a task's k-th record, unless there is one: the attempt that comes so far first counts."""
        path = self._record(task, k)
        temporary = _temporary(path)
        temporary.write_bytes(pickle.dumps(record))
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            temporary.unlink()
        return True

    def record(self, task: int, k: int) -> Record | None:
        """A task's k-th record, if there is one."""
        try:
            record: Record = _load(self._record(task, k))
        except FileNotFoundError:
            return None
        return record

    def records(self) -> Iterator[tuple[int, int]]:
        """(task, k) of the records that lie there, in order."""
        names = [entry.name for entry in os.scandir(self.root / "records") if not entry.name.startswith(".")]
        for name in sorted(names):
            task, _, k = name.partition("-")
            yield int(task), int(k)

    def is_done(self, task: int) -> bool:
        """The driver has taken all there is."""
        return (self.root / "done" / str(task)).exists()

    def mark_done(self, task: int, records: int) -> None:
        """Remember that a task is done, and drop its records."""
        (self.root / "done" / str(task)).touch()
        for k in range(records):
            self._record(task, k).unlink(missing_ok=True)

    def drop(self, task: int, k: int) -> None:
        """Forget a record that came too late."""
        self._record(task, k).unlink(missing_ok=True)

    def beat(self, worker: str, beat: Beat) -> None:
        """Say that a worker is alive."""
        _publish(self.root / "beats" / worker, beat)

    def beats(self) -> dict[str, Beat]:
        """Last sign of every worker."""
        return {path.name: _load(path) for path in _published(self.root / "beats")}

    def note(self, notice: Notice) -> None:
        """Say something to the user."""
        _publish(self.root / "notes" / uuid.uuid4().hex, notice)

    def take_notes(self) -> Iterator[Notice]:
        """What workers have to say; each once."""
        for path in _published(self.root / "notes"):
            notice: Notice = _load(path)
            path.unlink()
            yield notice

    def beat_as_driver(self, count: int) -> None:
        """Say that the driver is alive."""
        _publish(self.root / "pulse", count)

    def pulse(self) -> int | None:
        """The driver's last sign; None if the run is over."""
        try:
            count: int = _load(self.root / "pulse")
        except OSError:
            return None
        return count

    def break_off(self, error: FiguregroundError) -> None:
        """No worker can do the job."""
        _publish(self.root / "broken", error)

    def broken(self) -> FiguregroundError | None:
        """Why no worker can do the job, if so."""
        try:
            error: FiguregroundError = _load(self.root / "broken")
        except FileNotFoundError:
            return None
        return error

    def _record(self, task: int, k: int) -> Path:
        return self.root / "records" / f"{task:09d}-{k:06d}"


def _published(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _publish(path: Path, value: Any) -> None:
    temporary = _temporary(path)
    temporary.write_bytes(pickle.dumps(value))
    temporary.replace(path)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{uuid.uuid4().hex}")


def _load(path: Path) -> Any:
    return pickle.loads(path.read_bytes())  # noqa: S301 written by this run in a folder of its own
