"""The verdict on a clip: a rule over its scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from schemas.config import Limit
from schemas.scores import Scores


def broken_rules(scores: Scores, limits: Mapping[str, Limit], names: Iterable[str] | None = None) -> tuple[str, ...]:
    """Reasons against a clip, `<score>_low` or `<score>_high`, in the order of the limits.

    names: only these scores are judged (default: all). A score that was not measured breaks no rule.
    """
    judged = set(limits if names is None else names)
    reasons: list[str] = []
    for name, limit in limits.items():
        value = getattr(scores, name)
        if name not in judged or value is None:
            continue
        if limit.min is not None and value < limit.min:
            reasons.append(f"{name}_low")
        elif limit.max is not None and value > limit.max:
            reasons.append(f"{name}_high")
    return tuple(reasons)
