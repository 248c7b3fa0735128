"""Verbs that read a corpus: `stats`, `check`, `query`; and `compact`."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.exits import EXIT_ERROR
from pipelines.cli.last_resort import contained
from pipelines.cli.show import plural, say, show

if TYPE_CHECKING:
    from pipelines.corpus.check import CheckReport

_Corpus = Annotated[str, typer.Argument(help="Folder of the corpus, or s3://BUCKET/PREFIX.")]
_Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


class Format(StrEnum):
    """How query results are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def stats(
    corpus: _Corpus,
    compare: Annotated[tuple[str, str] | None, typer.Option(help="How far two annotators agree, by name.")] = None,
    as_json: _Json = False,
) -> None:
    """The funnel: sources, candidate clips, kept clips, and why the others fell out.

    Example: figureground stats corpus
    """
    from pipelines.corpus.stats import funnel, render_funnel

    if compare is not None:
        _compare(corpus, *compare, as_json)
        return
    counted = funnel(corpus)
    if as_json:
        print(json.dumps(counted.as_json()))
    else:
        show(render_funnel(counted))


def _compare(corpus: str, first: str, second: str, as_json: bool) -> None:
    from pipelines.corpus.agreement import agreements, render_agreements
    from pipelines.corpus.read import Corpus

    found = agreements(Corpus(corpus), first, second)
    if as_json:
        print(json.dumps([one.as_json() for one in found]))
    else:
        show(render_agreements(found, first, second))


def check(
    corpus: _Corpus,
    deep: Annotated[bool, typer.Option("--deep", help="Decode every stored video, too.")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Make again what is damaged, from its sources.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes of a repair.")] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="How a repair downloads: fetch.*")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Read every byte, compare rows across tables, print a digest of the content. Exit code 1 if something is wrong.

    Example: figureground check corpus --deep
    """
    from pipelines.corpus.check import check as check_corpus

    report = check_corpus(corpus, deep=deep)
    if repair and not report.ok:
        _print_problems(report, as_json)
        _repair(corpus, workers, tuple(overrides or ()), as_json)
        report = check_corpus(corpus, deep=deep)
    if as_json:
        print(json.dumps({"event": "checked"} | report.as_json() if repair else report.as_json()))
    else:
        _print_problems(report, as_json)
        if report.unfinished_batches:
            say("a killed run left an unfinished batch; the next run of curate completes it")
        problems = plural(len(report.problems), "problem")
        print(f"{_rows_in_words(report)}; {problems}; digest {report.digest}")
    if not report.ok:
        raise typer.Exit(EXIT_ERROR)


def _rows_in_words(report: CheckReport) -> str:
    """Rows that queries show, by table, and those of clips that are set aside."""
    shown = (f"{count - report.set_aside.get(table, 0)} {table}" for table, count in report.rows.items())
    hidden = ", ".join(f"{count} {table}" for table, count in report.set_aside.items())
    return ", ".join(shown) + (f"; set aside as near-duplicates: {hidden}" if hidden else "")


def _print_problems(report: CheckReport, as_json: bool) -> None:
    for problem in () if as_json else report.problems:
        print(f"{problem.table}: {problem.subject}: {problem.what}")


def _repair(corpus: str, workers: int | None, overrides: tuple[str, ...], as_json: bool) -> None:
    from contextlib import closing

    from pipelines.corpus.layout import Layout
    from pipelines.corpus.manifest import read_manifest
    from pipelines.engines.local import LocalEngine
    from pipelines.progress import Progress
    from pipelines.repair import repair
    from schemas.config_loading import load_fetch_config

    limits, fetch = read_manifest(Layout.at(corpus)).limits, load_fetch_config(settings=overrides)
    with closing(LocalEngine(workers, limits=limits)) as engine, Progress() as progress:
        done = repair(corpus, engine, progress, fetch)
    if as_json:
        print(json.dumps({"event": "repaired"} | done.as_json()))
        return
    print(
        f"repaired: {done.remade} clips made again, {done.annotated} annotated again by annotators added later, "
        f"{done.dropped} wrong rows dropped, "
        f"{done.files_given_up} damaged files taken out"
    )
    for line in done.left:
        print(f"not repaired: {line}")


def compact(corpus: _Corpus) -> None:
    """Merge small files; the content stays the same.

    Example: figureground compact corpus
    """
    from pipelines.corpus.compact import compact as compact_corpus

    for table, done in compact_corpus(corpus).items():
        print(f"{table:8} {done.files_before} -> {done.files_after} files")


def query(
    corpus: _Corpus,
    sql: Annotated[str, typer.Argument(help="One SELECT over the tables and views; - reads standard input.")],
    format_: Annotated[Format, typer.Option("--format", help="How to write the rows.")] = Format.TABLE,
    out: Annotated[Path | None, typer.Option(help="File; default: standard output.")] = None,
    rows: Annotated[int, typer.Option(min=1, help="Most rows of a table; other formats write all.")] = 100,
    time_limit: Annotated[float, typer.Option(min=0.1, help="Seconds a query may take.")] = 300.0,
    unsafe: Annotated[bool, typer.Option("--unsafe", help="Any statements, with files, network and settings.")] = False,
) -> None:
    """Ask the corpus in DuckDB's SQL.

    A query sees the corpus and nothing else, unless --unsafe is given. "SHOW TABLES" lists its tables and views,
    "DESCRIBE clips" the columns of one. Long cells of a table are cut; --format csv shows all of them.

    Example: figureground query corpus "SELECT camera, count(*) FROM clips WHERE kept GROUP BY camera"
    """
    from pipelines.corpus.query import run_query

    most = rows if format_ is Format.TABLE and out is None else None
    sql = sys.stdin.read() if sql == "-" else sql
    with nullcontext() if unsafe else contained(time_limit):
        result = run_query(corpus, sql, max_rows=most, time_limit_s=time_limit, unsafe=unsafe)
    if format_ is Format.TABLE:
        from pipelines.corpus.output import render_table

        show(render_table(result.table), out)
        if result.truncated:
            say(f"only the first {rows} rows; more with --rows, all with --format csv")
        return
    _write(result.table, format_, out)


def _write(table: object, format_: Format, out: Path | None) -> None:
    from pipelines.corpus.output import WRITERS

    write = WRITERS[format_.value]
    if format_ is Format.PARQUET:
        write(table, out or sys.stdout.buffer)
    elif out is None:
        write(table, sys.stdout)
    else:
        with out.open("w", newline="") as file:
            write(table, file)
