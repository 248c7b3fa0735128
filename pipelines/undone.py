"""Inputs that a run did not turn into clips: all of them counted, some of them named."""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from textwrap import shorten
from typing import Any

from pipelines.events import Event, SourceDone
from schemas.reasons import Verdict

MOST_NAMED = 100
"""Inputs a run remembers by name: the driver's memory must not grow with their number."""
_MOST_TOLD = 10
_LINE_CHARACTERS = 160


@dataclass(frozen=True, slots=True)
class UndoneInput:
    """An input with a verdict other than `done`, as its row of `sources` has it."""

    uri: str
    verdict: str
    reason: str
    detail: str

    @property
    def rank(self) -> tuple[bool, str]:
        """Failed ones come first, then by name: the same on every engine, in whatever order inputs are finished."""
        return self.verdict != Verdict.FAILED, self.uri


@dataclass(slots=True)
class Undone:
    """named: the first by rank. counts: all, by verdict and reason."""

    named: list[UndoneInput] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, event: Event) -> None:
        """Take an event into account; only verdicts count."""
        if not isinstance(event, SourceDone) or event.report.verdict == Verdict.DONE:
            return
        report = event.report
        one = UndoneInput(report.source.uri, str(report.verdict), str(report.reason or ""), report.detail or "")
        self.counts[one.verdict, one.reason] += 1
        insort(self.named, one, key=lambda other: other.rank)
        del self.named[MOST_NAMED:]

    def as_dict(self) -> dict[str, Any]:
        """Plain tree for JSON. not_done_unnamed: how many more there are than the list names."""
        more = self.counts.total() - len(self.named)
        return {"not_done": [asdict(one) for one in self.named], "not_done_unnamed": more}

    def lines(self) -> Iterator[str]:
        """For the terminal: a line each for the first, one for the others, by verdict and reason."""
        told = self.named[:_MOST_TOLD]
        for one in told:
            yield f"  {one.verdict} ({one.reason}): {_one_line(one.uri)}: {shorten(one.detail, _LINE_CHARACTERS)}"
        rest = self.counts - Counter((one.verdict, one.reason) for one in told)
        if rest:
            yield "  and " + ", ".join(f"{n:,} {verdict} ({why})" for (verdict, why), n in rest.most_common())


def _one_line(name: str) -> str:
    """A name as it is, but for what would end the line or steer a terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in name)
