"""What a run has done so far, summed up from its events."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pipelines.events import Event, PartDone, Position, SourceDone, StageCount, Waiting, WorkerMemory


@dataclass(slots=True)
class Counts:
    """Sums over events; equal work gives equal counts on every engine and after any number of lost workers.

    stages: one sum per stage, in the order of their first count. verdicts: sources by verdict; reasons: those
    not done, by reason. video_s: seconds of video of finished sources. reached_s: of sources in work, by uri.
    waiting: items before a stage now, by its name, where there is a queue.
    """

    stages: dict[str, StageCount] = field(default_factory=dict)
    verdicts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    clips: int = 0
    kept_clips: int = 0
    video_s: float = 0.0
    reached_s: dict[str, float] = field(default_factory=dict)
    peak_rss_bytes: int = 0
    waiting: dict[str, int] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        """Take an event into account; events that count nothing are welcome."""
        if isinstance(event, StageCount):
            self.stages[event.stage] = self.stages.get(event.stage, StageCount(event.stage)) + event
        elif isinstance(event, Position):
            self.reached_s[event.uri] = max(event.reached_s, self.reached_s.get(event.uri, 0.0))
        elif isinstance(event, PartDone):
            self.clips += len(event.clip_ids)
            self.kept_clips += event.kept
        elif isinstance(event, SourceDone):
            self._finish(event)
        elif isinstance(event, WorkerMemory):
            self.peak_rss_bytes = max(self.peak_rss_bytes, event.peak_rss_bytes)
        elif isinstance(event, Waiting):
            self.waiting[event.stage] = event.items

    @property
    def sources(self) -> int:
        """Sources with a verdict."""
        return self.verdicts.total()

    @property
    def seconds_reached(self) -> float:
        """Seconds of video behind us, sources in work included."""
        return self.video_s + sum(self.reached_s.values())

    def as_dict(self) -> dict[str, Any]:
        """Plain tree for JSON, rounded where a digit means nothing."""
        return {
            "sources": dict(sorted(self.verdicts.items())),
            "reasons": dict(sorted(self.reasons.items())),
            "clips": self.clips,
            "kept_clips": self.kept_clips,
            "video_s": round(self.seconds_reached, 3),
            "peak_rss_mb": round(self.peak_rss_bytes / 2**20),
            "stages": {
                s.stage: {
                    "in": s.received,
                    "kept": s.kept,
                    "rejected": s.rejected,
                    "failed": s.failed,
                    "busy_s": round(s.busy_s, 3),
                }
                for s in self.stages.values()
            },
        }

    def _finish(self, event: SourceDone) -> None:
        report = event.report
        self.verdicts[str(report.verdict)] += 1
        if report.reason is not None:
            self.reasons[str(report.reason)] += 1
        reached_s = self.reached_s.pop(report.source.uri, 0.0)
        self.video_s += reached_s if report.duration_s is None else report.duration_s
