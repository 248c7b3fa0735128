"""From scores to an outcome."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from schemas.config import Limit
from schemas.outcomes import Kept, Outcome, Rejected
from schemas.records import Clip
from schemas.rules import broken_rules


def judge(clip: Clip, limits: Mapping[str, Limit], names: Iterable[str] | None = None) -> Outcome[Clip]:
    """Kept, or rejected by the rules over the named scores (default: all), without frames and annotation."""
    reasons = broken_rules(clip.scores, limits, names)
    return reject(clip, reasons) if reasons else Kept(clip)


def reject(clip: Clip, reasons: tuple[str, ...]) -> Rejected[Clip]:
    """The clip as it is stored when rejected: its scores and reasons, nothing heavy."""
    return Rejected(replace(clip, frames=None, annotation=None, reject_reasons=reasons), reasons)
