"""Stages run one after the other over one item, counted and timed."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Generator, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pipelines.events import StageCount
from pipelines.failpoints import failpoint
from pipelines.job import GpuNeed
from schemas.outcomes import Failed, Heartbeat, Kept, Outcome, Rejected
from schemas.reasons import Verdict
from schemas.records import Clip, SourceReport
from transforms.stage import Stage, run_stage

T = TypeVar("T")
Passing = Outcome[Any] | StageCount | Heartbeat


@dataclass(frozen=True, slots=True)
class Chain:
    """A kept item goes on to the next stage that accepts its type; anything else leaves the chain.

    A stage answers a clip with one outcome, so that a clip is never lost or doubled; other items may become many,
    each of which goes through the rest of the chain before the next is asked for.
    """

    stages: Sequence[Stage[Any, Any]]

    def setup(self) -> None:
        """Set every stage up, in order."""
        for stage in self.stages:
            stage.setup()

    def teardown(self) -> None:
        """Tear every stage down, in reverse order."""
        for stage in reversed(self.stages):
            stage.teardown()

    def run(self, item: Any, committed: Set[str] = frozenset()) -> Iterator[Passing]:
        """Final outcomes of an item, with the counts and heartbeats of the way there.

        Clips whose id is in `committed` leave, uncounted and without frames, where they appear.
        """
        yield from self._pass_on(0, Kept(item), committed)

    def _pass_on(self, index: int, outcome: Outcome[Any], committed: Set[str]) -> Iterator[Passing]:
        for position in range(index, len(self.stages)):
            stage = self.stages[position]
            if not isinstance(outcome, Kept) or not isinstance(outcome.item, stage.accepts):
                continue
            if not isinstance(outcome.item, Clip):
                yield from self._fan_out(position, outcome.item, committed)
                return
            outcome = yield from _answer(stage, outcome.item)
        yield outcome

    def _fan_out(self, index: int, item: Any, committed: Set[str]) -> Iterator[Passing]:
        stage, watch = self.stages[index], Stopwatch()
        failpoint(f"stage.{stage.name}.before")
        for outcome in watch.over(run_stage(stage, item)):
            if isinstance(outcome.item, Heartbeat):
                yield outcome.item
            elif isinstance(outcome.item, Clip) and outcome.item.clip_id in committed:
                yield Kept(replace(outcome.item, frames=None))
            else:
                yield _count(stage, outcome, busy_s=watch.take())
                yield from self._pass_on(index + 1, _named(stage, outcome), committed)
            del outcome  # the next one is made while nothing holds this one's frames
        failpoint(f"stage.{stage.name}.after")
        yield StageCount(stage.name, received=1, busy_s=watch.take())


class LateStages(Sequence[Stage[Any, Any]]):
    """Stages that are made where they are first looked at: a driver that hands them on imports none of their libraries.

    What they take of a GPU is known before.
    """

    @abstractmethod
    def gpu_need(self) -> GpuNeed:
        """What `gpu_need` would find, looking at them."""


def gpu_need(stages: Sequence[Stage[Any, Any]]) -> GpuNeed:
    """What a process takes of a GPU that runs the stages one after the other: all their models stay there."""
    if isinstance(stages, LateStages):
        return stages.gpu_need()
    on_gpu = [stage for stage in stages if stage.resources.gpus > 0]
    numbers = [stage.gpu_number for stage in on_gpu if stage.gpu_number is not None]
    return GpuNeed(sum(stage.resources.gpus for stage in on_gpu), numbers[0] if numbers else None)


class Stopwatch:
    """Wall seconds spent inside an iterator."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def over(self, items: Iterator[T]) -> Iterator[T]:
        """The same items, each let go of before the next is asked for."""
        while True:
            started = time.perf_counter()
            item = next(items, None)
            self._seconds += time.perf_counter() - started
            if item is None:
                return
            yield item
            del item

    def take(self) -> float:
        """Seconds since they were last taken."""
        seconds, self._seconds = self._seconds, 0.0
        return seconds


def _answer(stage: Stage[Any, Any], clip: Clip) -> Generator[Passing, None, Outcome[Any]]:
    watch = Stopwatch()
    outcome: Outcome[Any] = Failed(clip, "no outcome")
    failpoint(f"stage.{stage.name}.before")
    for given in watch.over(run_stage(stage, clip)):
        if isinstance(given.item, Heartbeat):
            yield given.item
        else:
            outcome = given
    failpoint(f"stage.{stage.name}.after")
    yield replace(_count(stage, outcome, busy_s=watch.take()), received=1)
    return _named(stage, outcome)


def _named(stage: Stage[Any, Any], outcome: Outcome[Any]) -> Outcome[Any]:
    return Failed(outcome.item, f"{stage.name}: {outcome.error}") if isinstance(outcome, Failed) else outcome


def _count(stage: Stage[Any, Any], outcome: Outcome[Any], busy_s: float) -> StageCount:
    """A report counts by its verdict: a source that is done is no output of the stage, its clips are."""
    if isinstance(outcome.item, SourceReport):
        verdict = outcome.item.verdict
        return StageCount(
            stage.name, rejected=int(verdict == Verdict.REJECTED), failed=int(verdict == Verdict.FAILED), busy_s=busy_s
        )
    return StageCount(
        stage.name,
        kept=int(isinstance(outcome, Kept)),
        rejected=int(isinstance(outcome, Rejected)),
        failed=int(isinstance(outcome, Failed)),
        busy_s=busy_s,
    )
