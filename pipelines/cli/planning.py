"""The verb `plan`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.exits import EXIT_ERROR
from pipelines.cli.show import plural, say
from pipelines.farm.pairing import Pairing
from schemas.errors import ConfigError, GenerationError
from schemas.extras import needs

if TYPE_CHECKING:
    from pipelines.corpus.read import Corpus
    from pipelines.farm.estimate import Pace
    from pipelines.farm.validate import CheckedJobs
    from pipelines.render_card import ModelCard

_MOST_JOBS = 1_000_000
_OUT = Path("jobs.jsonl")


def plan(
    corpus: Annotated[str, typer.Argument(help="Folder of the corpus, or s3://BUCKET/PREFIX.")],
    references: Annotated[
        str | None, typer.Option(help="Who: a SELECT of clip ids, with a column frame if you like. Default: everybody.")
    ] = None,
    poses: Annotated[str | None, typer.Option(help="Moved by whom: a SELECT of clip ids. Default: everybody.")] = None,
    backgrounds: Annotated[
        str | None,
        typer.Option(help="Before what: a SELECT of clip ids, or a list: pan,zoom:0.5. Default: every preset."),
    ] = None,
    pairing: Annotated[
        Pairing | None, typer.Option(help="All with all, first with first, or drawn. Default: sample.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Length of each video. Default: its pose's.")] = None,
    count: Annotated[
        int | None, typer.Option(min=1, max=_MOST_JOBS, help="Most jobs. Default: sample draws one per reference.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Equal seeds give equal plans. Default: 0.")] = None,
    size: Annotated[int | None, typer.Option(help="Short side, px. Default: the model's own.")] = None,
    loop_poses: Annotated[bool, typer.Option("--loop-poses", help="Play poses that are too short to and fro.")] = False,
    model: Annotated[
        str, typer.Option(help="warp (no weights), pocket, pocket-plain, or a saved generator's folder.")
    ] = "warp",
    out: Annotated[Path | None, typer.Option(help="A .jsonl or .parquet file. Default: jobs.jsonl.")] = None,
    jobs: Annotated[
        Path | None, typer.Option(help="Plan nothing: check this job list, and say how much it is.")
    ] = None,
    calibrate: Annotated[bool, typer.Option("--calibrate", help="Render a few clips to estimate the time.")] = False,
    renders: Annotated[Path | None, typer.Option(help="Estimate the time from this folder of finished videos.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Workers the estimate is for.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON.")] = False,
) -> None:
    """Write the jobs of a batch: who is moved by whom, before which ground, for how long; and say how much it is.

    Clips that cannot serve are left out, so that every planned job can be rendered. Exit code: 1 if a list that is
    checked with --jobs has a mistake.

    Example: figureground plan corpus --poses "SELECT clip_id FROM clips WHERE person_motion > 0.5" --count 500
    """
    from pipelines.corpus.read import Corpus
    from pipelines.render_card import read_card

    asked: dict[str, Any] = {
        "references": references,
        "poses": poses,
        "backgrounds": backgrounds,
        "pairing": pairing,
        "seconds": seconds,
        "count": count,
        "seed": seed,
        "size": size,
    }
    asked = {name: value for name, value in asked.items() if value is not None}
    if jobs and (asked or out):
        raise ConfigError(
            f"--jobs checks a list and plans nothing: leave out --{', --'.join([*asked, *(['out'] if out else [])])}"
        )
    if calibrate and renders:
        raise ConfigError("--calibrate and --renders are two ways to one number: choose one")
    card, opened = read_card(model), Corpus(corpus)
    if jobs:
        checked = _check(opened, jobs, card, loop_poses)
    else:
        checked = _plan(opened, asked | {"loop_poses": loop_poses}, card, out or _OUT)
    pace = _pace(opened, checked, card, renders, model if calibrate else None)
    report = _report(opened, checked, card, pace, workers)
    if as_json:
        print(json.dumps(report))
    else:
        _tell(report, jobs or out or _OUT)
    if checked.findings:
        raise typer.Exit(EXIT_ERROR)


def _check(corpus: Corpus, jobs: Path, card: ModelCard, loop_poses: bool) -> CheckedJobs:
    from pipelines.farm.jobfile import read_jobs
    from pipelines.farm.validate import check_jobs

    return check_jobs(corpus, read_jobs(jobs), card.size_multiple, card.size, loop_poses=loop_poses)


def _plan(corpus: Corpus, asked: dict[str, Any], card: ModelCard, out: Path) -> CheckedJobs:
    from pipelines.farm.jobfile import write_jobs
    from pipelines.farm.plan import Wishes, plan_jobs

    planned = plan_jobs(corpus, Wishes(**asked), card.size_multiple, card.size)
    write_jobs(out, planned.jobs)
    return planned


def _pace(
    corpus: Corpus, checked: CheckedJobs, card: ModelCard, renders: Path | None, model: str | None
) -> Pace | None:
    """renders: folder of finished videos. model: to be calibrated."""
    from pipelines.farm.estimate import calibrate, pace_of_renders

    if renders:
        return pace_of_renders(renders, card)
    if model is None or not checked.jobs:
        return None
    try:
        from pipelines.render_models import open_renderer
    except ModuleNotFoundError as error:
        raise GenerationError(needs("rendering", error.name, wanted="generate")) from error
    return calibrate(corpus, checked.jobs[0], open_renderer(model))


def _report(corpus: Corpus, checked: CheckedJobs, card: ModelCard, pace: Pace | None, workers: int) -> dict[str, Any]:
    from pipelines.farm.estimate import workload

    work = workload(corpus, checked.jobs, card.clip_frames)
    report = asdict(work) | {"notes": checked.notes, "findings": [asdict(finding) for finding in checked.findings]}
    if pace is None:
        return report | {"estimate": None}
    return report | {"estimate": asdict(pace) | {"workers": workers, "seconds": pace.seconds(work, workers)}}


def _tell(report: dict[str, Any], path: Path) -> None:
    from pipelines.farm.jobfile import Finding

    for finding in report["findings"]:
        print(Finding(**finding))
    for note in report["notes"]:
        say(note)
    print(f"{plural(report['jobs'], 'job')} in {path}: {report['seconds']:.1f} s of video, ", end="")
    print(f"{plural(report['clips'], 'clip')}, {report['frames']} frames")
    estimate = report["estimate"]
    if estimate is None:
        print("how long that takes is not known; --calibrate or --renders FOLDER measure it")
        return
    each = f"{estimate['per_frame_s']:.3g} s a frame, {estimate['per_video_s']:.3g} s a video more"
    workers = plural(estimate["workers"], "worker")
    print(f"about {_in_words(estimate['seconds'])} with {workers}, if each keeps this pace: {each}; {estimate['how']}")


def _in_words(seconds: float) -> str:
    """No finer than it is known."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"
