"""A chain of stages as a job of its own: every item's outcomes come back to the driver."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.chain import Chain, gpu_need
from pipelines.events import Event, Mapped, Position, StageCount
from pipelines.job import GpuNeed, Job
from schemas.outcomes import Failed, Heartbeat, Outcome
from schemas.reasons import SourceReason
from transforms.stage import Stage, run_stage

if TYPE_CHECKING:
    from pipelines.engines.base import Engine


@dataclass(frozen=True)
class Mapping(Job[Any]):
    """Items must be picklable, and so must what becomes of them."""

    stages: tuple[Stage[Any, Any], ...]

    def setup(self) -> None:
        """Set the stages up."""
        Chain(self.stages).setup()

    def teardown(self) -> None:
        """Tear the stages down."""
        Chain(self.stages).teardown()

    def run(self, task: Any) -> Iterator[Event]:
        """Counts on the way, then all outcomes at once."""
        outcomes: list[Outcome[Any]] = []
        for passing in Chain(self.stages).run(task):
            if isinstance(passing, StageCount):
                yield passing
            elif isinstance(passing, Heartbeat):
                yield Position(str(task), passing.reached_s or 0.0)
            else:
                outcomes.append(passing)
        yield Mapped(tuple(outcomes))

    def gpu_need(self) -> GpuNeed:
        """Of the stages together."""
        return gpu_need(self.stages)

    def give_up(self, task: Any, reason: SourceReason, detail: str) -> Iterator[Event]:
        """The item failed."""
        yield Mapped((Failed(task, f"{reason}: {detail}"),))


def outcomes_of(
    stage: Stage[Any, Any], items: Iterable[Any], engine: Engine | None
) -> Generator[Outcome[Any], None, None]:
    """What a stage makes of items, on an engine; None: in this process."""
    if engine is not None:
        yield from engine.map((stage,), items)
        return
    stage.setup()
    try:
        for item in items:
            yield from run_stage(stage, item)
    finally:
        stage.teardown()
