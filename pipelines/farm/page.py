"""A page of the finished videos, to be opened without a server, and of what failed."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

from pipelines.corpus.layout import Place, write_atomically
from pipelines.farm.folder import RendersFolder, Row
from pipelines.gallery.markup import Markup, el, number, page, table

_STATIC = ("gallery.css", "icon.svg")
_MOST = 500
"""Videos on the page; all are in the table."""


def write_page(folder: RendersFolder) -> Place:
    """Write `index.html`; where it is."""
    verdicts = list(folder.verdicts())
    done = [verdict for verdict in verdicts if verdict["verdict"] == "done"]
    failed = [verdict for verdict in verdicts if verdict["verdict"] != "done"]
    out = folder.root / "index.html"
    for name in _STATIC:
        write_atomically(folder.root / name, files("pipelines.gallery").joinpath("static", name).read_bytes())
    write_atomically(out, page("Renders", *_body(done, failed), pages=()))
    return out


def _body(done: list[Row], failed: list[Row]) -> Iterator[Markup]:
    frames, seconds = sum(v["frames"] for v in done), sum(v["timings"]["render_s"] for v in done)
    yield el("h1", "Renders")
    yield el("p", f"{len(done)} videos, {frames} frames, {number(seconds)} s in the model; {len(failed)} failed.")
    if len(done) > _MOST:
        yield el("p", f"The first {_MOST} are shown; renders.parquet has all.")
    yield el("ul", *(el("li", *_video(verdict)) for verdict in done[:_MOST]), class_="grid")
    if failed:
        rows = [(v["job_id"], v["reason"], v["detail"]) for v in failed]
        yield table(("job", "reason", "in words"), rows, "What failed")


def _video(verdict: Row) -> Iterator[Markup]:
    job, size = verdict["job"], f"{verdict['width']} x {verdict['height']}"
    shown = {"src": verdict["path"], "controls": True, "preload": "metadata", "class_": "poster"}
    yield el("video", **shown, aria_label=f"video of job {verdict['job_id']}")
    yield el("h2", verdict["job_id"])
    yield el("p", f"{job['reference']} moved as {job['pose']} before {job['background']}, seed {job['seed']}")
    yield el("p", f"{verdict['frames']} frames of {size}, {verdict['clips']} clips, {verdict['model']}")
