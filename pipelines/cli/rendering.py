"""The verb `render`."""

from __future__ import annotations

import json
import signal
from contextlib import contextmanager
from datetime import datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.exits import EXIT_ERROR, EXIT_FAILED_ITEMS, EXIT_INTERRUPTED, EXIT_UNFINISHED
from pipelines.cli.show import plural, say
from schemas.errors import ConfigError, GenerationError
from schemas.extras import needs
from schemas.render_jobs import RenderJob
from schemas.sampling import Precision, Sampler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.farm.run import Batch
    from pipelines.farm.tally import Tally
    from pipelines.progress import Mode
    from pipelines.render_card import ModelCard

_TOLD_EVERY = 30


class FarmEngine(StrEnum):
    """Where a batch is rendered."""

    LOCAL = "local"
    RAY = "ray"


def render(
    corpus: Annotated[str, typer.Option(help="Folder of the corpus, or s3://BUCKET/PREFIX.")],
    reference: Annotated[str | None, typer.Option(help="Who and where: a clip, CLIP:FRAME, or an image file.")] = None,
    pose: Annotated[str | None, typer.Option(help="Clip whose person drives the figure.")] = None,
    background: Annotated[
        str | None,
        typer.Option(
            help="What drives the ground: a clip, or static (the default), pan, zoom, rotate, handheld, pan:0.5."
        ),
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Length of the video. Default: 4.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Equal seeds give equal videos. Default: 0.")] = None,
    model: Annotated[
        str, typer.Option(help="warp (no weights), pocket, pocket-plain, or a saved generator's folder.")
    ] = "warp",
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of the sampler; default: the model's own.")] = None,
    sampler: Annotated[Sampler | None, typer.Option(help="Default: the one saved with the model.")] = None,
    guidance: Annotated[float, typer.Option(min=0, help="Towards all conditions together; 1: none.")] = 1.0,
    guidance_figure: Annotated[float, typer.Option(min=0, help="Towards the pose; 1: none.")] = 1.0,
    guidance_ground: Annotated[float, typer.Option(min=0, help="Towards the points; 1: none.")] = 1.0,
    precision: Annotated[
        Precision | None, typer.Option(help="Default: bfloat16 on a GPU that computes in it, float32 elsewhere.")
    ] = None,
    size: Annotated[int | None, typer.Option(min=16, help="Short side, px; default: the model's own.")] = None,
    out: Annotated[
        str | None, typer.Option(help="The MP4 file to write (render.mp4), or a batch's folder or bucket (renders).")
    ] = None,
    grid: Annotated[bool, typer.Option("--grid", help="Reference, pose, points and result side by side.")] = False,
    jobs: Annotated[
        Path | None, typer.Argument(help="A batch: a .jsonl or .parquet list, as `plan` writes it.")
    ] = None,
    engine: Annotated[FarmEngine | None, typer.Option(help="Where a batch is rendered. Default: local.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Workers of a batch, a model each. Default: one a processor, or a GPU.")
    ] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Videos a worker steps together. Default: 1.")] = None,
    until: Annotated[
        str | None, typer.Option(help="HH:MM at which a batch stops, with the clips then under way.")
    ] = None,
    skip_invalid: Annotated[
        bool, typer.Option("--skip-invalid", help="Render the good jobs of a list that has bad ones.")
    ] = False,
    loop_poses: Annotated[bool, typer.Option("--loop-poses", help="Play poses that are too short to and fro.")] = False,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="ray.address=..., limits...=value; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Progress and result of a batch as lines of JSON.")] = False,
) -> None:
    """Render one video, or a batch of jobs: persons, moved by clips' poses, before ground moved by points.

    A batch goes on where it was stopped, however it was stopped, and gives the same bytes; videos that failed are tried
    again. Exit code of a batch: 0 if every video is done, 3 if some failed, 4 if some are left because the time was up,
    1 if it could not be begun, 130 if it was interrupted.

    Example: figureground render --corpus corpus --reference CLIP:12 --pose OTHER --background pan --out dance.mp4

    Example: figureground render jobs.jsonl --corpus corpus --out renders --model pocket --until 07:00
    """
    given = {"reference": reference, "pose": pose, "background": background, "seconds": seconds}
    given = {name: value for name, value in (given | {"seed": seed, "size": size}).items() if value is not None}
    card = _card(model, steps, sampler, precision, (guidance, guidance_figure, guidance_ground))
    if jobs is None:
        _render_one(corpus, given, card, Path(out or "render.mp4"), grid)
        return
    if given:
        raise ConfigError(f"a list of jobs says itself what to render: leave out --{', --'.join(given)}")
    _render_batch(
        corpus, jobs, card, out or "renders", grid, engine or FarmEngine.LOCAL, workers, batch or 1,
        until, skip_invalid, loop_poses, tuple(set_ or ()), as_json,
    )  # fmt: skip


def _card(
    model: str,
    steps: int | None,
    sampler: Sampler | None,
    precision: Precision | None,
    strengths: tuple[float, float, float],
) -> ModelCard:
    """strengths: of guidance: joint, figure, ground."""
    from models.generator.guidance import Guidance
    from pipelines.render_card import read_card
    from pipelines.render_options import RenderOptions

    return read_card(model, steps, RenderOptions(sampler, precision, Guidance(*strengths)))


def _render_one(corpus: str, given: dict[str, Any], card: ModelCard, out: Path, grid: bool) -> None:
    from pipelines.corpus.read import Corpus

    if not {"reference", "pose"} <= given.keys():
        raise ConfigError("give a list of jobs, or --reference and --pose for one video")
    try:
        from pipelines.render import render as make
        from pipelines.render_models import renderer_of
    except ModuleNotFoundError as error:
        raise GenerationError(needs("rendering", error.name, wanted="generate")) from error
    who, frame = _reference(given["reference"])
    job = RenderJob(**given | {"reference": who}, reference_frame=frame)

    def told(done: int, total: int) -> None:
        if done % _TOLD_EVERY == 0 or done == total:
            say(f"{done}/{total} frames rendered")

    print(f"{make(Corpus(corpus), job, renderer_of(card), out, told, grid=grid)} frames in {out}")


def _render_batch(
    corpus: str,
    jobs: Path,
    card: ModelCard,
    out: str,
    grid: bool,
    engine: FarmEngine,
    workers: int | None,
    together: int,
    until: str | None,
    skip_invalid: bool,
    loop_poses: bool,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    from pipelines.farm.run import Batch

    good = _checked(corpus, jobs, card, skip_invalid=skip_invalid, loop_poses=loop_poses)
    batch = Batch(good, corpus, out, card, grid, together, None if until is None else next_time(until))
    tally = _under_watch(batch, engine, workers, overrides, as_json)
    _report(tally, out, as_json)
    if tally.left or tally.failed:
        raise typer.Exit(EXIT_FAILED_ITEMS if not tally.left else EXIT_UNFINISHED)


def _under_watch(
    batch: Batch, engine: FarmEngine, workers: int | None, overrides: tuple[str, ...], as_json: bool
) -> Tally:
    from pipelines.farm.crews import hire_from
    from pipelines.farm.run import render_batch
    from pipelines.farm.watch import Watch
    from pipelines.progress import Mode
    from schemas.config_loading import load_config, load_engine_config

    limits = load_config(None, overrides).limits
    hire = hire_from(engine.value, workers, load_engine_config(None, overrides).ray)
    mode: Mode | None = Mode.JSON if as_json else None
    try:
        with _terminated_as_interrupted(), Watch(mode) as watch:
            return render_batch(batch, hire, watch, limits)
    except KeyboardInterrupt:
        say("interrupted; every finished clip is kept. Run the same command again to go on.")
        raise typer.Exit(EXIT_INTERRUPTED) from None


def _checked(
    corpus: str, jobs: Path, card: ModelCard, *, skip_invalid: bool, loop_poses: bool
) -> tuple[RenderJob, ...]:
    """The jobs that can be rendered. Leaves with what is wrong with the others unless they are to be skipped."""
    from pipelines.corpus.read import Corpus
    from pipelines.farm.jobfile import read_jobs
    from pipelines.farm.validate import check_jobs

    checked = check_jobs(Corpus(corpus), read_jobs(jobs), card.size_multiple, card.size, loop_poses=loop_poses)
    for note in (*checked.notes, *map(str, checked.findings)):
        say(note)
    if checked.findings and not skip_invalid:
        lines = len({finding.line for finding in checked.findings})
        say(f"{lines} jobs cannot be rendered; nothing is begun. --skip-invalid renders the other {len(checked.jobs)}.")
        raise typer.Exit(EXIT_ERROR)
    return checked.jobs


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM, as of a machine that is taken away, ends the work as Ctrl-C does."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def next_time(text: str, now: datetime | None = None) -> datetime:
    """When it is HH:MM next. Raises ConfigError for text that is no time."""
    now = now or datetime.now()
    try:
        hour, minute = map(int, text.split(":"))
        at = datetime.combine(now.date(), time(hour, minute))
    except ValueError:
        raise ConfigError(f"--until {text!r} should read HH:MM") from None
    return at if at > now else at + timedelta(days=1)


def _report(tally: Tally, out: str, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"event": "done"} | tally.as_dict()))
        return
    earlier = f", {tally.earlier} done earlier" if tally.earlier else ""
    failed = f", {tally.failed} failed" if tally.failed else ""
    left = f", {tally.left} left: run the same command again to go on" if tally.left else ""
    print(f"{plural(tally.jobs, 'video')}: {tally.done} done{earlier}{failed}{left}.", end=" ")
    print(f"{tally.frames} frames in {tally.elapsed_s:.0f} s.")
    print(f"Next: figureground status {out}, or open {out.rstrip('/')}/index.html")


def _reference(text: str) -> tuple[str, int]:
    """An image file, or a clip and a frame of it."""
    if Path(text).is_file():
        return text, 0
    clip, _, frame = text.partition(":")
    if frame and not frame.isdecimal():
        raise GenerationError(
            f"the reference {text!r} should read CLIP, CLIP:FRAME (a number from 0), or name an image file"
        )
    return clip, int(frame or 0)
