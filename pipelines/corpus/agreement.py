"""How far two annotators of a corpus agree, over the clips that both have annotated."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from pipelines.corpus.rows import Row
from pipelines.corpus.unpack import mask_of, pose_of, rows_of, tracks_of
from schemas.errors import CorpusError
from schemas.tables import NOBODY

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pipelines.corpus.read import Corpus


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two annotators of one table.

    value: mean over the clips of the share of joints within 0.2 of the torso (poses) or of the IoU (masks); median
    over the clips of the distance of neighbouring points' ways, over the shorter side (tracks). None: nothing shared.
    clips: that both annotated.
    """

    table: str
    measure: str
    value: float | None
    clips: int

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return asdict(self)


_MEASURES = {"poses": "PCK@0.2", "masks": "IoU", "tracks": "distance over the shorter side"}


def agreements(corpus: Corpus, first: str, second: str) -> list[Agreement]:
    """One entry for each table that both have rows in. Raises CorpusError if there is none."""
    found = [agreement for table in _MEASURES if (agreement := _agreement(corpus, table, first, second)) is not None]
    if not found:
        raise CorpusError(f"{corpus.root} has no clip that both {first} and {second} have annotated")
    return found


def render_agreements(found: list[Agreement], first: str, second: str) -> RenderableType:
    """For the terminal."""
    from rich.table import Table

    table = Table(f"{first} and {second}", "measure", "agreement", "clips", box=None, pad_edge=False)
    for one in found:
        table.add_row(one.table, one.measure, "" if one.value is None else f"{one.value:.4f}", str(one.clips))
    return table


def _agreement(corpus: Corpus, table: str, first: str, second: str) -> Agreement | None:
    names = corpus.arrow(table, ["clip_id", "annotator"]).to_pylist()
    shared = set.intersection(*({r["clip_id"] for r in names if r["annotator"] == name} for name in (first, second)))
    if not shared:
        return None
    values = [_compare(table, rows_of(corpus.arrow(table, clip_ids=[clip])), first, second, corpus, clip)
              for clip in sorted(shared)]  # fmt: skip
    known = [value for value in values if value is not None]
    mean = median if table == "tracks" else fmean
    return Agreement(table, _MEASURES[table], mean(known) if known else None, len(shared))


def _compare(table: str, rows: list[Row], first: str, second: str, corpus: Corpus, clip_id: str) -> float | None:
    from transforms.accuracy.agreement import masks_agree, poses_agree, track_distance

    a, b = ([row for row in rows if row["annotator"] == name] for name in (first, second))
    if table == "poses":
        return poses_agree(*({r["person"]: pose_of(r) for r in side if r["person"] != NOBODY} for side in (a, b)))
    if table == "masks":
        return masks_agree(*({row["person"]: mask_of(row) for row in side} for side in (a, b)))
    clip = corpus.clip(clip_id)
    return track_distance(tracks_of(a[0]), tracks_of(b[0]), clip["width"], clip["height"])
