"""How long a run will still take, or nothing while that would be a guess."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipelines.counts import Counts
from pipelines.events import Event, Planned, SourceDone

_LEAST_ELAPSED_S = 10.0
_LEAST_SHARE = 0.05
_LEAST_VIDEO_S = 60.0


@dataclass(slots=True)
class TimeLeft:
    """Work is measured in seconds of video; bytes count by what the finished sources had to the byte.

    behind_s, behind_bytes: of the plan, with a verdict. measured_s, measured_bytes: of sources that were decoded.
    """

    plan: Planned = field(default_factory=lambda: Planned(0))
    behind_s: float = 0.0
    behind_bytes: int = 0
    measured_s: float = 0.0
    measured_bytes: int = 0

    def add(self, event: Event) -> None:
        """Learn the plan, and what finished sources had."""
        if isinstance(event, Planned):
            self.plan = event
        elif isinstance(event, SourceDone):
            if event.expected_s is None:
                self.behind_bytes += event.report.source.size_bytes
            else:
                self.behind_s += event.expected_s
            if event.report.duration_s:
                self.measured_s += event.report.duration_s
                self.measured_bytes += event.report.source.size_bytes

    def remaining_s(self, counts: Counts) -> float | None:
        """Seconds of video ahead; None while sources of unknown length cannot be measured by others."""
        unknown_bytes = max(0, self.plan.unknown_bytes - self.behind_bytes)
        if unknown_bytes and not self.measured_bytes:
            return None
        unknown_s = unknown_bytes * self.measured_s / self.measured_bytes if unknown_bytes else 0.0
        known_s = max(0.0, self.plan.known_s - self.behind_s)
        return max(0.0, known_s + unknown_s - sum(counts.reached_s.values()))

    def seconds(self, counts: Counts, elapsed_s: float) -> float | None:
        """Wall seconds left at the speed so far; None before ten seconds and a minute, or a twentieth, of video."""
        remaining_s, behind_s = self.remaining_s(counts), counts.seconds_reached
        if remaining_s is None or elapsed_s < _LEAST_ELAPSED_S or behind_s <= 0:
            return None
        if behind_s < min(_LEAST_VIDEO_S, _LEAST_SHARE * (behind_s + remaining_s)):
            return None
        return remaining_s * elapsed_s / behind_s


def in_words(seconds: float | None) -> str:
    """A time left, no finer than it is known."""
    if seconds is None:
        return "estimating time left"
    if seconds < 50:
        return f"about {max(5, round(seconds / 5) * 5)} s left"
    if seconds < 90 * 60:
        return f"about {max(1, round(seconds / 60))} min left"
    return f"about {seconds / 3600:.1f} h left"
