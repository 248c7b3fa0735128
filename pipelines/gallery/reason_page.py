"""A page per reject reason, with examples: those that broke the rule by the most first."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from pipelines.corpus.read import Corpus
from pipelines.corpus.rows import Row
from pipelines.gallery.charts import rule_in_words
from pipelines.gallery.markup import Child, Markup, el, number, page
from schemas.scores import SCORE_NAMES

MOST_EXAMPLES = 48


def examples(reason: str, clips: Sequence[Row]) -> list[Row]:
    """Rejected clips to show for a reason."""
    broken = [row for row in clips if reason in (row["reject_reasons"] or ())]
    score = score_of(reason)
    if score is not None:
        broken.sort(key=lambda row: row[score], reverse=reason.endswith("_high"))
    return broken[:MOST_EXAMPLES]


def score_of(reason: str) -> str | None:
    """The score that a reason is about."""
    name = reason.removesuffix("_low").removesuffix("_high")
    return name if name in SCORE_NAMES else None


def reason_page(
    corpus: Corpus, reason: str, count: int, shown: Sequence[Row], uris: Mapping[str, str], pictured: Collection[str]
) -> bytes:
    """reason/<reason>.html. pictured: ids of the clips that have a picture."""
    score = score_of(reason)
    rule = f" Its {rule_in_words(corpus.config.screening.get(score))}." if score else ""
    cards = [_card(row, score, uris.get(row["source_id"], ""), row["clip_id"] in pictured) for row in shown]
    return page(
        f"{reason} · figureground",
        el("h1", reason),
        el("p", f"{count:,} candidate clips were rejected for this reason, {len(shown)} are shown.{rule}"),
        el("ul", *cards, class_="grid"),
        up="../",
    )


def _card(row: Row, score: str | None, uri: str, pictured: bool) -> Markup:
    picture: Child = el("div", "no picture", class_="poster empty")
    if pictured:
        alt = f"A frame of the rejected clip {row['clip_id']}"
        picture = el("img", src=f"../rejected/{row['clip_id']}.jpg", alt=alt, loading="lazy", class_="poster")
    value = el("p", f"{score} {number(row[score])}") if score else ""
    others = ", ".join(row["reject_reasons"])
    where = f"{row['start_s']:.2f} to {row['end_s']:.2f} s of "
    return el(
        "li", picture, el("h2", row["clip_id"]), value, el("p", where, el("code", uri)), el("p", el("small", others))
    )
