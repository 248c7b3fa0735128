"""What goes over the pipe between driver and worker, besides the job, the tasks and their events."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.errors import FiguregroundError


@dataclass(frozen=True, slots=True)
class Ready:
    """The job is set up."""


@dataclass(frozen=True, slots=True)
class TaskDone:
    """The task is finished, all its events were sent. peak_rss_bytes: of the worker so far."""

    peak_rss_bytes: int


@dataclass(frozen=True, slots=True)
class Starved:
    """An allocation of the task failed, and the worker leaves."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The worker cannot go on, and no other one could."""

    error: FiguregroundError
