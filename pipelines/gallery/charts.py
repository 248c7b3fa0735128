"""Drawings in SVG: a score's distribution with its thresholds, and values over the frames of a clip."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.gallery.markup import Markup, el, number
from schemas.config import Limit

_WIDTH, _HEIGHT, _BINS = 320.0, 96.0, 32
_TAILS = (0.5, 99.5)
"""Percentiles beyond which values are drawn in the outermost bins."""
_MOST_POINTS = 300

F64 = NDArray[np.float64]


def histogram(name: str, values_C: F64, kept_C: NDArray[np.bool_], limit: Limit | None) -> Markup:
    """Candidates by score, those kept in colour, with a line at each threshold. values: finite, at least one."""
    bounds = [b for b in (limit.min, limit.max) if b is not None] if limit else []
    low, high = np.percentile(values_C, _TAILS)
    low, high = min(low, *bounds, high), max(high, *bounds, low)
    span = (high - low) or max(abs(high), 1.0)
    edges = np.linspace(low, low + span, _BINS + 1)
    inside_C = np.clip(values_C, edges[0], edges[-1])
    all_B, kept_B = (np.histogram(v, edges)[0] for v in (inside_C, inside_C[kept_C]))
    unit, step = (_HEIGHT - 4) / all_B.max(), _WIDTH / _BINS
    bars = []
    for i, (total, kept) in enumerate(zip(all_B, kept_B, strict=True)):
        bars.append(_bar("rejected", i * step, step, (total - kept) * unit, kept * unit))
        bars.append(_bar("kept", i * step, step, kept * unit, 0.0))
    lines = [_line("limit", _WIDTH * (bound - low) / span) for bound in bounds]
    label = f"{name}: {int(kept_C.sum())} of {len(values_C)} measured candidates kept, {rule_in_words(limit)}"
    ends = el("div", el("span", number(low)), el("span", number(low + span)), class_="ends")
    picture = el(
        "svg", *filter(None, bars), *lines, viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}", role="img", aria_label=label
    )
    return el("div", picture, ends)


def rule_in_words(limit: Limit | None) -> str:
    """`rule: from 0.1 up to 0.5`, or `no rule`."""
    if limit is None or (limit.min is None and limit.max is None):
        return "no rule"
    low = f"from {number(limit.min)}" if limit.min is not None else ""
    high = f"up to {number(limit.max)}" if limit.max is not None else ""
    return f"rule: {' '.join(filter(None, (low, high)))}"


def timeline(name: str, series: Sequence[F64], top: float) -> Markup:
    """Values over frames, one line each, from 0 to `top`."""
    lines = []
    for index, values_T in enumerate(series):
        shown = _thinned(values_T)
        x = np.linspace(0, _WIDTH, len(shown)) if len(shown) > 1 else np.zeros(len(shown))
        y = _HEIGHT - 2 - np.clip(shown / (top or 1), 0, 1) * (_HEIGHT - 4)
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        lines.append(el("polyline", points=points, class_=f"line person{index % 4}"))
    label = f"{name} over time, at most {number(top)}"
    return el(
        "svg",
        *lines,
        el("line", x1=0, x2=0, y1=0, y2=_HEIGHT, class_="cursor"),
        viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        preserveAspectRatio="none",
        class_="timeline",
        role="img",
        aria_label=label,
    )


def _thinned(values_T: F64) -> F64:
    if len(values_T) <= _MOST_POINTS:
        return values_T
    return np.array([part.mean() for part in np.array_split(values_T, _MOST_POINTS)])


def _bar(kind: str, x: float, width: float, height: float, above: float) -> Markup:
    if height <= 0:
        return Markup("")
    top = _HEIGHT - above - height
    return el("rect", class_=kind, x=f"{x:.1f}", y=f"{top:.1f}", width=f"{width - 1:.1f}", height=f"{height:.1f}")


def _line(kind: str, x: float) -> Markup:
    return el("line", class_=kind, x1=f"{x:.1f}", x2=f"{x:.1f}", y1=0, y2=f"{_HEIGHT:g}")
