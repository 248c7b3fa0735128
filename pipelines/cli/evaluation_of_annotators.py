"""The verb `evaluate-annotators`."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.annotation import TableName
from pipelines.cli.curation import EngineName
from pipelines.cli.exits import EXIT_FAILED_ITEMS
from pipelines.cli.research import ready_weights
from pipelines.cli.show import say, show


def evaluate_annotators(
    corpus: Annotated[str, typer.Argument(help="A corpus made by `synthesize`.")],
    only: Annotated[list[TableName] | None, typer.Option(help="What to measure; repeatable; default: all.")] = None,
    clips: Annotated[int | None, typer.Option(min=1, help="Only so many clips, by id.")] = None,
    engine: Annotated[EngineName, typer.Option(help="Where it runs.")] = EngineName.LOCAL,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes; default: half the processors; on GPUs, one on each.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file that names and sets the annotators.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="key.path=value over the file; repeatable.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON.")] = False,
) -> None:
    """Measure annotators against exact truth: tracks (TAP-Vid), masks (IoU, boundary F), poses (PCK, OKS-AP).

    Example: figureground evaluate-annotators truth/corpus --only tracks --set tracks.annotator=recovering
    """
    from pipelines.engines.factory import create_engine
    from pipelines.evaluate_annotators import evaluate_annotators as run
    from pipelines.evaluate_annotators import render_evaluation
    from schemas.config_loading import load_config, load_engine_config

    settings = tuple(set_ or ())
    chosen, engines = load_config(config, settings, "everything"), load_engine_config(config, settings)
    kinds = [kind.value for kind in only or TableName]
    runner = create_engine(engine.value, workers, engines, chosen.limits)
    used = {*kinds, "poses"} if "masks" in kinds else kinds  # masks are told whom to mask
    ready_weights(chosen, engine.value, engines, used)
    with closing(runner):
        result = run(corpus, chosen, kinds, runner, lambda n, of: say(f"{n}/{of} clips"), clips)
    if as_json:
        print(json.dumps(asdict(result)))
    else:
        show(render_evaluation(result))
        costs = ", ".join(f"{kind} {ms:.1f} ms a frame" for kind, ms in result.ms_per_frame.items())
        point = "" if result.ms_per_point_frame is None else f"; a point and frame {result.ms_per_point_frame:.4f} ms"
        print(f"CPU: {costs}{point}")
    for line in result.failed:
        say(line)
    if result.failed:
        raise typer.Exit(EXIT_FAILED_ITEMS)
