"""The verb that makes a corpus: `curate`."""

from __future__ import annotations

import json
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.exits import EXIT_FAILED_ITEMS, EXIT_INTERRUPTED
from pipelines.cli.research import ready_weights
from pipelines.cli.show import plural, say

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pipelines.curate import Curated
    from pipelines.engines.base import Engine
    from pipelines.progress import Mode
    from schemas.config import Config
    from schemas.fetch import FetchConfig
    from schemas.records import Listing


class EngineName(StrEnum):
    """Engines that can run the stages."""

    LOCAL = "local"
    RAY = "ray"
    BEAM = "beam"


class KeepSources(StrEnum):
    """How long downloaded sources are kept."""

    NONE = "none"
    UNTIL_DONE = "until-done"
    ALWAYS = "always"


class RecipeName(StrEnum):
    """Named starting points of the configuration."""

    HUMAN5000 = "human5000"
    MOVING_GROUND = "moving-ground"
    EVERYTHING = "everything"


def curate(
    sources: Annotated[
        list[str], typer.Argument(help="Files, folders, patterns, addresses, .txt/.csv/.jsonl/.parquet lists.")
    ],
    corpus: Annotated[str, typer.Option(help="Folder of the corpus, or s3://BUCKET/PREFIX; made if it is not there.")],
    engine: Annotated[EngineName, typer.Option(help="Where the stages run.")] = EngineName.LOCAL,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes; default: half the processors; on GPUs, one on each.")
    ] = None,
    recipe: Annotated[RecipeName | None, typer.Option(help="Starting point of the configuration.")] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file over the recipe.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="key.path=value over the file; repeatable.")] = None,
    keep_sources: Annotated[KeepSources | None, typer.Option(help="How long downloads are kept.")] = None,
    allow_private_network: Annotated[
        bool, typer.Option("--allow-private-network", help="Download from private and loopback addresses, too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Progress and result as lines of JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress display.")] = False,
) -> None:
    """Turn raw video into a corpus, or bring one up to date; running it again does what is left.

    Exit code: 0 if every input is done or rejected, 3 if the work on some failed (their rows say why), 1 if the run
    could not be done, 130 if it was interrupted.

    Addresses: http, https, s3, gs and hf; web pages, by yt-dlp, with --set fetch.pages=true.

    Example: figureground curate videos/ --corpus corpus --set clips.max_s=6
    """
    from pipelines.engines.factory import create_engine
    from pipelines.progress import Mode
    from pipelines.sources import expand_sources
    from schemas.config_loading import load_config, load_engine_config, load_fetch_config

    overrides = tuple(set_ or ())
    if keep_sources is not None:
        overrides += (f"fetch.keep_sources={keep_sources.value}",)
    if allow_private_network:
        overrides += ("fetch.allow_private_network=true",)
    settings = load_config(config, overrides, recipe.value if recipe else None)
    engines = load_engine_config(config, overrides)
    runner = create_engine(engine.value, workers, engines, settings.limits)
    mode = Mode.QUIET if quiet else Mode.JSON if as_json else None
    fetch = load_fetch_config(config, overrides)
    inputs = expand_sources(sources)
    if notice := inputs.notice():
        say(notice)
    ready_weights(settings, engine.value, engines, quiet=quiet)
    done = run_curation(inputs.uris, corpus, settings, runner, mode, fetch, inputs.listings)
    _report(done, corpus, as_json)
    if done.counts.verdicts["failed"]:
        raise typer.Exit(EXIT_FAILED_ITEMS)


def run_curation(
    uris: Collection[str],
    corpus: str,
    config: Config,
    engine: Engine,
    mode: Mode | None,
    fetch: FetchConfig | None = None,
    listings: Mapping[str, Listing] | None = None,
) -> Curated:
    """Curate under a progress display; Ctrl-C keeps what is delivered and says how to go on."""
    from pipelines.curate import curate as run
    from pipelines.progress import Progress

    try:
        with closing(engine), Progress(mode) as progress:
            return run(uris, corpus, config, engine, progress, listings=listings, fetch=fetch)
    except KeyboardInterrupt:
        say("interrupted; what is finished is kept. Run the same command again to go on.")
        raise typer.Exit(EXIT_INTERRUPTED) from None


def _report(done: Curated, corpus: str, as_json: bool) -> None:
    if as_json:
        tree = {"inputs": done.inputs, "already_done": done.already_done, "near_duplicates": done.near_duplicates}
        counted = done.counts.as_dict() | done.undone.as_dict()
        print(json.dumps({"event": "done", "seconds": round(done.seconds, 3)} | tree | counted))
        return
    verdicts = ", ".join(f"{n} {verdict}" for verdict, n in sorted(done.counts.verdicts.items())) or "nothing new"
    earlier = f", {done.already_done} done earlier" if done.already_done else ""
    print(f"{plural(done.inputs, 'input')}: {verdicts}{earlier}. {_clips(done, corpus)}.")
    for line in done.undone.lines():
        print(line)
    print(f"Next: figureground stats {corpus}")


def _clips(done: Curated, corpus: str) -> str:
    """Near-duplicates are looked for in all of the corpus, so clips of earlier runs may be among them."""
    candidates, passed = plural(done.counts.clips, "candidate clip"), done.counts.kept_clips
    copies = done.near_duplicates
    if not copies:
        return f"{candidates}, {passed} kept in {done.seconds:.0f} s"
    from pipelines.corpus.read import Corpus

    kept = len(Corpus(corpus).kept_clip_ids())
    aside = f"{copies} set aside as {'a near-duplicate' if copies == 1 else 'near-duplicates'}"
    passed_in = f"{passed} passed every rule in {done.seconds:.0f} s"
    return f"{candidates}, {passed_in}; {aside}, {plural(kept, 'clip')} kept in the corpus"
