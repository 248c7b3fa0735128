"""The first page: what came in, what was kept, and how the scores lie against their thresholds."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pyarrow as pa

from pipelines.corpus.read import Corpus
from pipelines.corpus.stats import Count, Funnel
from pipelines.gallery.charts import histogram, rule_in_words
from pipelines.gallery.markup import Child, Markup, el, number, page, table
from schemas.scores import Scores


def overview(corpus: Corpus, clips: pa.Table, funnel: Funnel) -> bytes:
    """index.html."""
    title = corpus.root.name
    return page(
        f"{title} · figureground",
        el("h1", title),
        el("p", f"Recipe {corpus.config.recipe}. ", el("a", "Look at the kept clips", href="clips.html"), "."),
        el("h2", "From sources to clips"),
        _funnel(funnel),
        el("h2", "Why clips were rejected"),
        _reasons(funnel),
        el("h2", "Scores"),
        _legend(),
        el("div", *_distributions(corpus, clips), class_="charts"),
    )


def _funnel(funnel: Funnel) -> Markup:
    widest = max(funnel.candidates.seconds, funnel.sources.seconds) or 1.0
    verdicts = [(f"sources {name}", count) for name, count in funnel.verdicts.items() if count.number]
    steps: list[tuple[str, Count]] = [
        ("sources", funnel.sources),
        *verdicts,
        ("candidate clips", funnel.candidates),
        ("failed clips", funnel.failed),
        ("rejected clips", funnel.rejected),
        ("kept clips", funnel.kept),
    ]
    rows = [(name, f"{c.number:,}", f"{c.seconds:,.0f}", _meter(name, c.seconds / widest)) for name, c in steps]
    why = [(r, verdict, f"{n:,}") for verdict, reasons in funnel.source_reasons.items() for r, n in reasons.items()]
    sources = table(("reason", "verdict", "sources"), why, "Why sources gave no clips") if why else ""
    return el("div", table(("step", "number", "seconds", "share of the longest"), rows, "Funnel"), sources)


def _meter(name: str, share: float) -> Markup:
    return el("meter", f"{share:.0%}", value=f"{share:.4f}", max=1, aria_label=f"{name}: {share:.0%}")


def _reasons(funnel: Funnel) -> Child:
    if not funnel.reject_reasons:
        return el("p", "No clip was rejected.")
    rows = [
        (el("a", reason, href=f"reason/{reason}.html"), f"{count.number:,}", f"{count.seconds:,.0f}")
        for reason, count in funnel.reject_reasons.items()
    ]
    return table(("reason", "clips", "seconds"), rows, "A clip may break several rules")


def _legend() -> Markup:
    key = (("kept", "kept"), ("rejected", "not kept"), ("limit", "threshold"))
    parts = [el("span", el("span", class_=f"swatch {kind}", aria_hidden="true"), words) for kind, words in key]
    return el("p", *parts, class_="legend")


def _distributions(corpus: Corpus, clips: pa.Table) -> list[Markup]:
    kept_C = clips["kept"].to_numpy(zero_copy_only=False)
    charts = []
    for score in fields(Scores):
        values_C = clips[score.name].to_numpy(zero_copy_only=False).astype(np.float64)
        known_C = np.isfinite(values_C)
        if not known_C.any():
            continue
        limit = corpus.config.screening.get(score.name)
        drawn = histogram(score.name, values_C[known_C], kept_C[known_C], limit)
        median = number(float(np.median(values_C[known_C]))) + _unit(score.metadata["unit"])
        facts = f"{rule_in_words(limit)}; median {median}"
        missing = int((~known_C).sum())
        unmeasured = f"; not measured for {missing:,}" if missing else ""
        words = el("p", el("small", score.metadata["description"]))
        charts.append(el("figure", el("figcaption", el("h3", score.name), facts, unmeasured), drawn, words))
    return charts


def _unit(unit: str) -> str:
    return "" if unit in {"0..1", "ratio"} else f" {unit}"
