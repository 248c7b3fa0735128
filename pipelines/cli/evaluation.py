"""The verb `evaluate`."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.curation import EngineName
from pipelines.cli.exits import EXIT_FAILED_ITEMS, EXIT_INTERRUPTED
from pipelines.cli.show import plural, say, show
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from pipelines.corpus.read import Corpus
    from pipelines.evaluation.subjects import Subject


def evaluate(
    renders: Annotated[str | None, typer.Argument(help="Folder or address of renders; or give --videos.")] = None,
    corpus: Annotated[str | None, typer.Option(help="The corpus that the jobs name clips of.")] = None,
    truth: Annotated[
        str, typer.Option(help="self: the clip that a job repeats, where it does; or a folder of true videos by name.")
    ] = "self",
    videos: Annotated[Path | None, typer.Option(help="A folder of videos in place of renders; needs --truth.")] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(help="l1, psnr, ssim, lpips, fid, fid_vid, fvd, tracks, pose, drift, steady; repeatable."),
    ] = None,
    disco: Annotated[bool, typer.Option("--disco", help="Also as DisCo's code has it, 256 x 256.")] = False,
    split: Annotated[str | None, typer.Option(help="Parts of the corpus by source, as in `export`.")] = None,
    part: Annotated[str, typer.Option(help="With --split: the part to measure.")] = "test",
    rank: Annotated[str | None, typer.Option(help="Metric that tells best from worst on the page.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the report; figures in it are not measured again.")] = Path(
        "evaluation"
    ),
    engine: Annotated[EngineName, typer.Option(help="Where it runs.")] = EngineName.LOCAL,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes; default: half the processors.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON.")] = False,
) -> None:
    """Measure rendered videos: against the true ones, against what drove them, and by themselves.

    Metrics that look through a network are left out, with the reason, where its weights are not in the cache; named
    with --metrics they are an error. The report is a table, JSON, Parquet and a page with the best and worst videos;
    the figures also become columns of the renders' own table.

    Example: figureground evaluate renders --corpus corpus --out evaluation
    """
    from pipelines.cli.ticker import Ticker
    from pipelines.engines.factory import create_engine
    from pipelines.evaluation.catalogue import families
    from pipelines.evaluation.page import write_page
    from pipelines.evaluation.report import as_tree, table, write_tables
    from pipelines.evaluation.run import evaluate as run
    from pipelines.evaluation.scores import keep_scores
    from pipelines.farm.folder import RendersFolder
    from schemas.config import Config, EngineConfig

    chosen = families(metrics or (), disco=disco)
    subjects = _subjects(renders, corpus, truth, videos, split, part)
    runner = create_engine(engine.value, workers, EngineConfig(), Config().limits)
    try:
        with Ticker("videos measured") as told, closing(runner):
            done = run(subjects, corpus, chosen, out, engine=runner, progress=told, insist=bool(metrics))
    except KeyboardInterrupt:
        say("interrupted; what is measured is kept. Run the same command again to go on.")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    write_tables(done, out)
    index = write_page(done, _open(corpus), out, rank)
    if renders is not None:
        keep_scores(done, RendersFolder.at(renders))
    if as_json:
        print(json.dumps(as_tree(done)))
    else:
        show(table(done))
        print(f"{plural(len(done.results), 'video')}. Open {index}")
    if len(done.reasons) > 1:
        say(f"left out: {', '.join(done.left_out)}; {index} says what each needs")
    else:
        for line in done.reasons:
            say(f"left out: {line}")
    for line in done.failures:
        say(line)
    if done.failures:
        raise typer.Exit(EXIT_FAILED_ITEMS)


def _subjects(
    renders: str | None, corpus: str | None, truth: str, videos: Path | None, split: str | None, part: str
) -> list[Subject]:
    from pipelines.corpus.read import Corpus
    from pipelines.evaluation.subjects import SELF, of_part, paired, rendered
    from pipelines.export.splits import Splits

    if videos is not None:
        if renders is not None or split is not None or truth == SELF:
            raise ConfigError("--videos takes --truth DIR, and neither a folder of renders nor --split")
        return paired(videos, Path(truth))
    if renders is None or corpus is None:
        raise ConfigError("give a folder of renders and --corpus, or --videos and --truth")
    subjects = rendered(renders, truth)
    return subjects if split is None else of_part(subjects, Corpus(corpus), Splits.parse(split), part)


def _open(corpus: str | None) -> Corpus | None:
    from pipelines.corpus.read import Corpus

    return None if corpus is None else Corpus(corpus)
