"""The report as a page: what was measured, the best and the worst videos side by side, and every video's figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

import numpy as np

from pipelines.corpus.layout import write_atomically
from pipelines.corpus.read import Corpus
from pipelines.evaluation.footage import Footage
from pipelines.evaluation.results import VideoResult, plain_name
from pipelines.evaluation.run import Evaluation
from pipelines.evaluation.subjects import Subject
from pipelines.evaluation.video import SubjectVideo
from pipelines.gallery.markup import Child, Markup, el, number, page
from pipelines.gallery.markup import table as html_table
from schemas.config import MediaConfig
from schemas.errors import ConfigError, FiguregroundError
from schemas.measures import Metric
from schemas.records import Frames
from transforms.encoding.h264 import encode_h264
from transforms.pixels import frames_of_rgb

PAGE = "index.html"
_RANKED_BY = ("lpips", "psnr", "track_ratio", "track_error", "pose_error", "warp_error")
"""What tells best from worst where nobody says: the first of these that was measured."""
_SHOWN = 4
_MOST_ROWS = 500
_VIDEO = MediaConfig(crf=26)


def write_page(done: Evaluation, corpus: Corpus | None, out: Path, rank: str | None = None) -> Path:
    """Write index.html and the videos that it shows. rank: metric that tells best from worst.

    Raises ConfigError for a metric that was not measured.
    """
    metric = _ranking(done, rank)
    ordered = [] if metric is None else _ordered(done.results, metric)
    shown = min(_SHOWN, (len(ordered) + 1) // 2)
    best, worst = ordered[:shown], ordered[::-1][: len(ordered) - shown][:_SHOWN]
    for result in (*best, *worst):
        _write_video(done.subjects[result.name], corpus, _video(out, result))
    _remove_others(out, (*best, *worst))
    for file in ("gallery.css", "icon.svg"):
        write_atomically(out / file, files("pipelines.gallery").joinpath("static", file).read_bytes())
    body: list[Child] = [el("h1", "Evaluation"), _summary(done), *_left_out(done)]
    if metric is not None:
        body += [_column("Best", best, metric, done, out), _column("Worst", worst, metric, done, out)]
    body += [el("h2", "Every video"), _every(done), *_failures(done)]
    write_atomically(out / PAGE, page("Evaluation · figureground", *body, pages=((PAGE, "Evaluation"),)))
    return out / PAGE


def _ranking(done: Evaluation, rank: str | None) -> Metric | None:
    measured = {summary.metric.name: summary.metric for summary in done.summaries if summary.metric.better}
    if rank is not None and rank not in measured:
        raise ConfigError(f"videos cannot be ranked by {rank!r}; measured were {', '.join(measured) or 'none'}")
    name = rank or next((name for name in _RANKED_BY if name in measured), None)
    return None if name is None else measured[name]


def _ordered(results: Sequence[VideoResult], metric: Metric) -> list[VideoResult]:
    """Best first; those without a value left out."""
    known = [(value, result) for result in results if (value := result.value(metric.name)) is not None]
    known.sort(key=lambda pair: (pair[0] if metric.better == "lower" else -pair[0], pair[1].name))
    return [result for _, result in known]


def _summary(done: Evaluation) -> Markup:
    rows: list[tuple[Child, ...]] = [
        (s.metric.name, number(s.mean), number(s.median), s.videos, s.metric.unit, s.metric.better, s.metric.says)
        for s in done.summaries
    ]
    rows += [
        (d.metric.name, number(d.value), "", f"all, {d.samples} samples", d.metric.unit, d.metric.better, d.note)
        for d in done.distances
    ]
    head = ("metric", "mean", "median", "videos", "unit", "better", "what it is")
    return html_table(head, rows, f"{len(done.results)} videos")


def _left_out(done: Evaluation) -> Iterator[Markup]:
    if done.left_out:
        yield el("h2", "Left out")
        yield html_table(("metric", "why"), done.left_out.items(), "What was not measured")


def _failures(done: Evaluation) -> Iterator[Markup]:
    if done.failures:
        yield el("h2", "Failed")
        yield el("ul", *(el("li", line) for line in done.failures))


def _column(title: str, results: Sequence[VideoResult], metric: Metric, done: Evaluation, out: Path) -> Markup:
    cards = [_card(result, metric, done.subjects[result.name], out) for result in results]
    return el("section", el("h2", f"{title} by {metric.name}"), el("ul", *cards, class_="grid"))


def _card(result: VideoResult, metric: Metric, subject: Subject, out: Path) -> Markup:
    what = "true video left, rendered right" if subject.has_truth else "rendered"
    shown: Child = el("div", "the video is gone", class_="poster empty")
    if _video(out, result).exists():
        source, label = str(_video(Path(), result)), f"{result.name}: {what}"
        shown = el("video", src=source, class_="poster", controls=True, loop=True, muted=True, aria_label=label)
    told = f"{metric.name} {number(result.value(metric.name))} {metric.unit}; {what}"
    return el("li", shown, el("h2", result.name), el("p", told), el("p", el("small", _job(subject))))


def _job(subject: Subject) -> str:
    job = subject.job
    return "" if job is None else f"{job.reference}, moved by {job.pose}, before {job.background}"


def _every(done: Evaluation) -> Markup:
    names = [summary.metric.name for summary in done.summaries]
    rows = [(result.name, *(number(result.value(name)) for name in names)) for result in done.results[:_MOST_ROWS]]
    rest = len(done.results) - len(rows)
    caption = "Figures by video" + (f"; {rest} more are in report.parquet" if rest else "")
    return html_table(("video", *names), rows, caption)


def _video(out: Path, result: VideoResult) -> Path:
    """Named after what was compared, too: another video of the name is another file."""
    return out / "shown" / f"{plain_name(result.name)}-{result.against[:8]}.mp4"


def _write_video(subject: Subject, corpus: Corpus | None, path: Path) -> None:
    """The video, beside the true one where there is one; nothing where either is gone since it was measured."""
    if path.exists():
        return
    with suppress(FiguregroundError):
        _encode_video(subject, corpus, path)


def _encode_video(subject: Subject, corpus: Corpus | None, path: Path) -> None:
    video = SubjectVideo(subject, corpus)
    films = video.pair[::-1] if subject.has_truth else (video.made,)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, encode_h264(_beside(films), _VIDEO).video)


def _beside(films: Sequence[Footage]) -> Frames:
    beside = (np.hstack([film[t : t + 1][0] for film in films]) for t in range(len(films[0])))
    return frames_of_rgb(beside, films[-1].frames.fps)


def _remove_others(out: Path, results: Sequence[VideoResult]) -> None:
    keep = {_video(out, result) for result in results}
    for path in (out / "shown").glob("*.mp4"):
        if path not in keep:
            path.unlink()
