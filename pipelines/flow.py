"""Curation of one source as a job: stages, then parts. The same on every engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipelines.chain import Chain, gpu_need
from pipelines.events import Event, PartDone, Position, SourceDone, StageCount
from pipelines.job import GpuNeed, Job, Task, bytes_as_seconds
from pipelines.sink import PartSink, PartWriter, write_part
from schemas.outcomes import Failed, Heartbeat, Outcome, Rejected
from schemas.reasons import SourceReason, Verdict
from schemas.records import Clip, Source, SourceReport
from transforms.stage import Stage


@dataclass(frozen=True)
class Flow(Job[Task]):
    """Stages over a source, and the writer of its parts.

    The stage that accepts `Source` gives its candidate clips in the order of their index and, last, a SourceReport.
    """

    stages: Sequence[Stage[Any, Any]]
    writer: PartWriter
    clips_per_part: int = 8

    def setup(self) -> None:
        """Set the stages up."""
        self.chain().setup()

    def teardown(self) -> None:
        """Tear the stages down."""
        self.chain().teardown()

    def chain(self) -> Chain:
        """What a source goes through."""
        return Chain(self.stages)

    def run(self, task: Task) -> Iterator[Event]:
        """Curate a source: counts and positions on the way, a part as soon as it is full, the verdict last."""
        sink = PartSink(task, self.writer, self.clips_per_part)
        report = failed_report(task.source, SourceReason.ERROR, "no stage reported on the source")
        before_s = 0.0
        for passing in self.chain().run(task.source, task.committed):
            if isinstance(passing, StageCount):
                yield passing
            elif isinstance(passing, Heartbeat):
                yield Position(task.source.uri, before_s)  # what was just decoded is not worked through yet
                before_s = passing.reached_s or before_s
            elif isinstance(passing.item, Clip):
                clip = settled(passing)
                yield from sink.take(clip)
                yield Position(task.source.uri, float(clip.span.end))
            else:
                report = report_of(task.source, passing)
            del passing
        yield from sink.close(report)
        yield SourceDone(report, task.expected_s)

    def after(self, task: Task, event: Event) -> Task:
        """Clips of a delivered part count as committed."""
        return replace(task, committed=task.committed | set(event.clip_ids)) if isinstance(event, PartDone) else task

    def give_up(self, task: Task, reason: SourceReason, detail: str) -> Iterator[Event]:
        """Report the source as failed; parts it delivered stay."""
        report = replace(failed_report(task.source, reason, detail), clips=len(task.committed))
        yield write_part(self.writer, f"{task.source.source_id}_given_up", (), report)
        yield SourceDone(report, task.expected_s)

    def gpu_need(self) -> GpuNeed:
        """Of the stages together."""
        return gpu_need(self.stages)

    def cost(self, task: Task) -> float:
        """Seconds of video."""
        return bytes_as_seconds(task.source.size_bytes) if task.expected_s is None else task.expected_s

    def label(self, task: Task) -> str:
        """The source's name."""
        return task.source.uri


def settled(outcome: Outcome[Clip]) -> Clip:
    """The clip with what was said of it, without frames."""
    clip = replace(outcome.item, frames=None)
    if isinstance(outcome, Rejected):
        return replace(clip, reject_reasons=outcome.reasons)
    return replace(clip, error=outcome.error) if isinstance(outcome, Failed) else clip


def report_of(source: Source, outcome: Outcome[Any]) -> SourceReport:
    """The report among the outcomes of a source, or the one its failure amounts to."""
    if isinstance(outcome.item, SourceReport):
        return outcome.item
    if isinstance(outcome, Rejected):
        return SourceReport(source, Verdict.REJECTED, outcome.reasons[0], ", ".join(outcome.reasons))
    if isinstance(outcome, Failed):
        return failed_report(source, SourceReason.ERROR, outcome.error)
    return failed_report(source, SourceReason.ERROR, f"no stage takes a {type(outcome.item).__name__}")


def failed_report(source: Source, reason: SourceReason, detail: str) -> SourceReport:
    """A report that says the work on the source failed."""
    return SourceReport(source, Verdict.FAILED, reason, detail)
