"""The whole site, written into a folder and opened without a server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pipelines.corpus.clips import StoredClip
from pipelines.corpus.layout import write_atomically
from pipelines.corpus.read import Corpus
from pipelines.corpus.stats import Funnel, funnel
from pipelines.engines.base import Engine
from pipelines.gallery.clips_page import clips_page
from pipelines.gallery.drawing import Told, draw_all
from pipelines.gallery.media import make_folders, picture_rejected, remove_others
from pipelines.gallery.overview import overview
from pipelines.gallery.reason_page import examples, reason_page
from schemas.errors import CorpusError
from schemas.scores import SCORE_NAMES
from transforms.overlay.sheet import shelved, write_png

SHEET_NAME = "contact_sheet.png"
_SHEET_ROWS = 50
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Site:
    """What was written. drawn: clips drawn now. failed: a line per clip that could not be drawn."""

    index: Path
    clips: int
    drawn: int
    failed: tuple[str, ...]
    sheet: Path | None


def write_site(
    corpus: Corpus, out: Path, told: Told = lambda done, total: None, *, engine: Engine | None = None
) -> Site:
    """Write the site; running it again draws only what is new. engine: draws the clips; None draws in this process."""
    make_folders(out)
    clips, uris = corpus.clips(), _uris(corpus)
    drawn, failed = draw_all(corpus, clips, uris, out, engine, told)
    shown = [clip for clip in clips if clip.clip_id not in failed]
    counted = funnel(corpus)
    rows = corpus.arrow("clips")
    write_atomically(out / "index.html", overview(corpus, rows, counted))
    write_atomically(out / "clips.html", clips_page(corpus.root.name))
    write_atomically(out / "clips-data.js", b"window.corpus = " + json.dumps(_data(shown, uris)).encode() + b";\n")
    for file in files("pipelines.gallery").joinpath("static").iterdir():
        write_atomically(out / file.name, file.read_bytes())
    pictured = _write_reasons(corpus, counted, uris, out)
    remove_others(out, pictured | {clip.clip_id for clip in clips}, counted.reject_reasons)
    lines = tuple(failed[clip_id] for clip_id in sorted(failed))
    return Site(out / "index.html", len(clips), drawn, lines, _write_sheet(shown, out))


def _uris(corpus: Corpus) -> dict[str, str]:
    rows = corpus.arrow("sources", ["source_id", "uri"]).to_pylist()
    return {row["source_id"]: row["uri"] for row in sorted(rows, key=lambda row: row["uri"], reverse=True)}


def _data(clips: Sequence[StoredClip], uris: dict[str, str]) -> dict[str, Any]:
    """What the page of clips sorts and filters by, column by column; scores to four digits."""
    columns: dict[str, list[Any]] = {
        "clip_id": [clip.clip_id for clip in clips],
        "uri": [uris.get(clip.source_id, "") for clip in clips],
        "camera": [clip.row["camera"] or "unknown" for clip in clips],
    }
    known = [name for name in SCORE_NAMES if any(clip.row[name] is not None for clip in clips)] or [SCORE_NAMES[0]]
    for name in known:
        columns[name] = [_rounded(clip.row[name]) for clip in clips]
    return {"columns": columns, "scores": known, "cameras": sorted(set(columns["camera"]))}


def _rounded(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(f"{value:.{_DIGITS}g}")


def _write_reasons(corpus: Corpus, counted: Funnel, uris: dict[str, str], out: Path) -> set[str]:
    """Ids of the rejected clips that are shown with a picture."""
    all_pictured: set[str] = set()
    columns = ["clip_id", "source_id", "start_s", "end_s", "kept", "reject_reasons", *SCORE_NAMES]
    rejected = [row for row in corpus.arrow("clips", columns).to_pylist() if not row["kept"]]
    rejected.sort(key=lambda row: row["clip_id"])
    for reason, count in counted.reject_reasons.items():
        if not reason.isidentifier():  # it becomes a file name, and a corpus may be somebody else's
            raise CorpusError(f"{corpus.root}: {reason!r} is no reject reason; see `figureground check`")
        shown = examples(reason, rejected)
        pictured = {r["clip_id"] for r in shown if picture_rejected(r, uris.get(r["source_id"], ""), out)}
        content = reason_page(corpus, reason, count.number, shown, uris, pictured)
        write_atomically(out / "reason" / f"{reason}.html", content)
        all_pictured |= pictured
    return all_pictured


def _write_sheet(clips: Sequence[StoredClip], out: Path) -> Path | None:
    """The strips of the first clips."""
    read = (cv2.imread(str(out / "strip" / f"{clip.clip_id}.jpg")) for clip in clips[:_SHEET_ROWS])
    strips = [np.asarray(strip[..., ::-1], np.uint8) for strip in read if strip is not None]
    if not strips:
        return None
    write_png(str(out / SHEET_NAME), shelved(strips))
    return out / SHEET_NAME
