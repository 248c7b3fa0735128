"""The funnel: from sources to candidate clips to kept ones, with a reason for everything that fell out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pipelines.corpus.layout import Place
from pipelines.corpus.read import Corpus
from schemas.reasons import Verdict

if TYPE_CHECKING:
    import duckdb
    from rich.console import RenderableType


@dataclass(frozen=True, slots=True)
class Count:
    """How many, and how many seconds of video."""

    number: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Funnel:
    """Counts and seconds per step.

    verdicts: sources by verdict. source_reasons: under each verdict but `done`, its sources by reason.
    candidates = kept + rejected + failed. reject_reasons: candidates by broken rule; one may break several.
    """

    sources: Count
    verdicts: dict[str, Count]
    source_reasons: dict[str, dict[str, int]]
    shots: int
    candidates: Count
    kept: Count
    rejected: Count
    failed: Count
    reject_reasons: dict[str, Count]

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return asdict(self)


def funnel(corpus: Corpus | str | Place) -> Funnel:
    """Count a corpus. Raises CorpusError if there is none."""
    corpus = corpus if isinstance(corpus, Corpus) else Corpus(corpus)
    with corpus.connect() as connection:
        return _funnel(connection)


_VERDICTS = "SELECT verdict, count(*), sum(duration_s) FROM sources GROUP BY ALL"
_SOURCE_REASONS = """
SELECT verdict, reason, count(*) FROM sources WHERE reason IS NOT NULL GROUP BY ALL ORDER BY count(*) DESC, reason"""
_SHOTS = "SELECT 'shots', coalesce(sum(shots), 0), 0 FROM sources"
_FATES = """
SELECT CASE WHEN kept THEN 'kept' WHEN error IS NULL THEN 'rejected' ELSE 'failed' END, count(*), sum(end_s - start_s)
FROM clips GROUP BY ALL"""
_REJECT_REASONS = """
SELECT reason, count(*), sum(seconds)
FROM (SELECT unnest(reject_reasons) AS reason, end_s - start_s AS seconds FROM clips)
GROUP BY ALL ORDER BY count(*) DESC, reason"""


def _funnel(connection: duckdb.DuckDBPyConnection) -> Funnel:
    nothing = Count(0, 0.0)
    verdicts, fates = _counts(connection, _VERDICTS), _counts(connection, _FATES)
    return Funnel(
        sources=_total(verdicts),
        verdicts={str(verdict): verdicts.get(verdict, nothing) for verdict in Verdict},
        source_reasons=_source_reasons(connection),
        shots=_counts(connection, _SHOTS)["shots"].number,
        candidates=_total(fates),
        kept=fates.get("kept", nothing),
        rejected=fates.get("rejected", nothing),
        failed=fates.get("failed", nothing),
        reject_reasons=_counts(connection, _REJECT_REASONS),
    )


def _counts(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, Count]:
    return {name: Count(int(number), float(s or 0)) for name, number, s in connection.execute(sql).fetchall()}


def _source_reasons(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, int]]:
    found = connection.execute(_SOURCE_REASONS).fetchall()
    return {
        str(verdict): {reason: number for of, reason, number in found if of == verdict}
        for verdict in Verdict
        if any(of == verdict for of, _, _ in found)
    }


def _total(counts: dict[str, Count]) -> Count:
    return Count(sum(c.number for c in counts.values()), sum(c.seconds for c in counts.values()))


def render_funnel(funnel: Funnel) -> RenderableType:
    """The funnel as a table for the terminal."""
    from rich.table import Table

    table = Table("", "count", "seconds", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, count, style in _lines(funnel):
        seconds = "" if count.seconds == 0 else f"{count.seconds:,.1f}"
        table.add_row(name, f"{count.number:,}", seconds, style=style)
    return table


def _lines(funnel: Funnel) -> list[tuple[str, Count, str]]:
    verdicts: list[tuple[str, Count, str]] = []
    for verdict, count in funnel.verdicts.items():
        if count.number:
            reasons = funnel.source_reasons.get(verdict, {})
            verdicts.append((f"  {verdict}", count, ""))
            verdicts += [(f"    {reason}", Count(number, 0), "dim") for reason, number in reasons.items()]
    rejects = [(f"    {reason}", count, "dim") for reason, count in funnel.reject_reasons.items()]
    return [
        ("sources", funnel.sources, "bold"),
        *verdicts,
        ("shots", Count(funnel.shots, 0), "bold"),
        ("candidate clips", funnel.candidates, "bold"),
        ("  failed", funnel.failed, ""),
        ("  rejected", funnel.rejected, ""),
        *rejects,
        ("kept clips", funnel.kept, "bold green"),
    ]
