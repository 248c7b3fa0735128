"""What an engine runs: a job over tasks, each task in one worker at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Generic, TypeVar

from pipelines.events import Event
from schemas.reasons import SourceReason
from schemas.records import Source

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Task:
    """One source to curate.

    committed: ids of its clips that are in the corpus already. expected_s: its duration, if the container says.
    """

    source: Source
    committed: frozenset[str] = frozenset()
    expected_s: float | None = None


@dataclass(frozen=True, slots=True)
class GpuNeed:
    """What a worker takes of a GPU.

    share: of one; 0: it works without. number: of the only GPU that will do, as CUDA counts them; None: any.
    """

    share: float = 0.0
    number: int | None = None


class Job(ABC, Generic[T]):
    """Picklable before `setup`. Workers set it up once and run one task at a time."""

    def attach(self, pipe: Connection) -> None:
        """Told, before `setup`, the worker's way to the driver; what comes over it during a task is the job's."""

    @abstractmethod
    def setup(self) -> None:
        """Load what does not travel. An exception here ends the whole run."""

    @abstractmethod
    def run(self, task: T) -> Iterator[Event]:
        """Do a task. Only what breaks every task (a full disk, a broken contract) may be raised."""

    def teardown(self) -> None:
        """Free what `setup` took."""

    def after(self, task: T, event: Event) -> T:
        """The task that is left once `event` was delivered, for another attempt."""
        return task

    @abstractmethod
    def give_up(self, task: T, reason: SourceReason, detail: str) -> Iterator[Event]:
        """Say, in the driver, that the task cannot be done."""

    def gpu_need(self) -> GpuNeed:
        """What a worker takes of a GPU. Asked in the driver: it imports nothing for the answer."""
        return GpuNeed()

    def cost(self, task: T) -> float:
        """Expected cost in any unit; dear tasks are started first."""
        return 0.0

    def label(self, task: T) -> str:
        """The task in a message to the user."""
        return str(task)


def bytes_as_seconds(size_bytes: int) -> float:
    """Rough duration of a video of unknown length, at 8 Mbit/s; for ordering only."""
    return size_bytes / 1e6
