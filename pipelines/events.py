"""What a running job tells the driver, as it happens. All events are small and picklable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from schemas.outcomes import Outcome
from schemas.records import SourceReport


@dataclass(frozen=True, slots=True)
class Planned:
    """What lies before a run. Said by the driver before the engine starts, and again whenever it knows more.

    sources: those without a verdict from before. known_s: seconds of video of those whose containers say.
    unknown_bytes: size of the others.
    ahead: of the sources, those that are still to be looked at, of which nothing else is known.
    """

    sources: int
    known_s: float = 0.0
    unknown_bytes: int = 0
    ahead: int = 0


@dataclass(frozen=True, slots=True)
class StageCount:
    """What a stage did since its last count.

    received: items finished. kept, rejected, failed: outcomes. busy_s: wall seconds inside the stage.
    Counts of work that is lost with its worker are taken back by a count with negative numbers.
    """

    stage: str
    received: int = 0
    kept: int = 0
    rejected: int = 0
    failed: int = 0
    busy_s: float = 0.0

    def __add__(self, other: StageCount) -> StageCount:
        return StageCount(
            self.stage,
            self.received + other.received,
            self.kept + other.kept,
            self.rejected + other.rejected,
            self.failed + other.failed,
            self.busy_s + other.busy_s,
        )

    def taken_back(self) -> StageCount:
        """The count that undoes this one. The seconds stay: they were spent."""
        return StageCount(self.stage, -self.received, -self.kept, -self.rejected, -self.failed)


@dataclass(frozen=True, slots=True)
class Position:
    """How far the work on a source has come, seconds of video."""

    uri: str
    reached_s: float


@dataclass(frozen=True, slots=True)
class PartDone:
    """A part is written and waits for its commit.

    part: what the part writer returned. clip_ids: the clips in it, `kept` of which were kept.
    report: on the last part of a source.
    """

    part: Any
    clip_ids: tuple[str, ...]
    kept: int
    report: SourceReport | None = None


@dataclass(frozen=True, slots=True)
class SourceDone:
    """A source has its verdict. expected_s: the duration it was announced with."""

    report: SourceReport
    expected_s: float | None


@dataclass(frozen=True, slots=True)
class Mapped:
    """All outcomes of one item of a mapping."""

    outcomes: tuple[Outcome[Any], ...]


@dataclass(frozen=True, slots=True)
class WorkerMemory:
    """The most memory a worker has held at a time so far."""

    worker: int
    peak_rss_bytes: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many items stand before a stage at this moment."""

    stage: str
    items: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should read now, such as the death of a worker."""

    text: str


Event = Planned | StageCount | Position | PartDone | SourceDone | Mapped | WorkerMemory | Notice | Waiting
SETTLING = (PartDone, SourceDone, Mapped)
"""Events that deliver results: the counts before them stay, whatever happens to the worker."""
FINGERPRINT, FETCH = "fingerprint", "fetch"
LOOKING = (FINGERPRINT, FETCH)
"""Stages in which the driver looks at inputs before it plans the work on them; `busy_s` is what it waited for them."""
