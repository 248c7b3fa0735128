"""Annotators against the truth of a synthesized corpus: tables by motion of the ground and by size of the person."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Any

from pipelines.corpus.layout import Place
from pipelines.corpus.read import Corpus
from pipelines.engines.base import Engine
from pipelines.mapping import outcomes_of
from schemas.config import Config
from schemas.errors import CorpusError
from schemas.outcomes import Failed, Kept, Outcome
from schemas.preference import TRUTH
from transforms.stage import Resources, Stage

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pipelines.corpus.access import ClipReader
    from transforms.accuracy.clip import ClipAccuracy

Progress = Callable[[int, int], None]
"""Told how many of how many clips are measured."""
SIZES = ((0.03, "person < 3 %"), (0.1, "person 3-10 %"), (1.01, "person > 10 %"))
"""Bounds of the share of the picture under the main person, and their names."""


@dataclass(frozen=True, slots=True)
class Group:
    """Means over the clips of a group; None where nothing was measured.

    Tracks: average Jaccard, delta average, occlusion accuracy, precision of visible. Masks: IoU, boundary F. Poses:
    PCK at 0.1 and 0.2 of the torso, OKS-AP.
    """

    name: str
    clips: int
    average_jaccard: float | None = None
    delta_average: float | None = None
    occlusion_accuracy: float | None = None
    visible_precision: float | None = None
    iou: float | None = None
    boundary_f: float | None = None
    pck_10: float | None = None
    pck_20: float | None = None
    oks_ap: float | None = None


@dataclass(slots=True)
class Evaluation:
    """groups: all clips first. ms_per_point_frame: CPU of the tracker; ms_per_frame: CPU by kind. failed: as lines."""

    groups: list[Group] = field(default_factory=list)
    ms_per_point_frame: float | None = None
    ms_per_frame: dict[str, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)


class AssessClip(Stage[str, Any]):
    """Clip id to its id and accuracy."""

    name = "assess"
    accepts = str
    resources = Resources(cpus=1.0, memory_mb=1024)

    def __init__(self, corpus: str | Place, config: Config, kinds: Collection[str]) -> None:
        self._place, self._config, self._kinds = corpus, config, tuple(kinds)
        self._clips: ClipReader | None = None
        self._assessor: Any = None

    def setup(self) -> None:
        """Open the corpus and load the annotators."""
        from pipelines.corpus.access import ClipReader
        from transforms.accuracy.clip import Assessor

        self._clips = ClipReader(Corpus(self._place))
        self._assessor = Assessor(self._config, self._kinds)

    def teardown(self) -> None:
        """Free the annotators, and what they held of a GPU's memory."""
        from models.annotators.factory import release

        self._clips = self._assessor = None
        release()

    def process(self, item: str) -> Iterable[Outcome[Any]]:
        """One kept pair."""
        from transforms.encoding.h264 import decode_frames

        if self._clips is None:
            raise ValueError(f"clip {item} came before setup")
        media, truth = self._clips.media(item), self._clips.annotation(item)
        if truth.track_annotator.name != TRUTH:
            raise CorpusError(f"clip {item} has no exact annotations")
        yield Kept((item, self._assessor.assess(decode_frames(media.video, media.fps), truth)))


class AssessClipOnGpu(AssessClip):
    """The same with a GPU to itself."""

    resources = Resources(cpus=1.0, gpus=1.0, memory_mb=4096)

    @property
    def gpu_number(self) -> int | None:
        """The one that the configuration names."""
        from models.annotators.needs import gpu_number

        return gpu_number(self._config)


def evaluate_annotators(
    corpus: str | Place,
    config: Config,
    kinds: Collection[str],
    engine: Engine | None,
    progress: Progress,
    most: int | None = None,
) -> Evaluation:
    """Run the configured annotators over the videos of a synthesized corpus and compare with its truth.

    kinds: of poses, masks and tracks. engine: None works in this process. most: only so many clips, by id.
    Raises CorpusError if the corpus holds no exact annotations.
    """
    read = Corpus(corpus)
    kept = sorted((row["clip_id"], row) for row in read.arrow("clips").to_pylist() if row["kept"])
    clips = dict(kept[:most])
    if TRUTH not in set(read.arrow("tracks", ["annotator"])["annotator"].to_pylist()):
        raise CorpusError(f"{read.root} holds no exact annotations; make such a corpus with: figureground synthesize")
    found, result = {}, Evaluation()
    with closing(outcomes_of(_stage(corpus, config, kinds), sorted(clips), engine)) as outcomes:
        for outcome in outcomes:
            if isinstance(outcome, Kept):
                found[outcome.item[0]] = outcome.item[1]
            elif isinstance(outcome, Failed):
                result.failed.append(f"clip {outcome.item}: {outcome.error}")
            progress(len(found) + len(result.failed), len(clips))
    result.groups = _groups(clips, found)
    _add_costs(result, list(found.values()))
    return result


def render_evaluation(result: Evaluation) -> RenderableType:
    """As a table for the terminal, in percent."""
    from rich.table import Table

    names = ("clips", "AJ", "delta", "occlusion", "precision", "IoU", "boundary F", "PCK@.1", "PCK@.2", "OKS-AP")
    table = Table("", *names, box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for group in result.groups:
        values = (group.average_jaccard, group.delta_average, group.occlusion_accuracy, group.visible_precision,
                  group.iou, group.boundary_f, group.pck_10, group.pck_20, group.oks_ap)  # fmt: skip
        cells = ("" if value is None else f"{100 * value:.1f}" for value in values)
        table.add_row(group.name, str(group.clips), *cells)
    return table


def _stage(corpus: str | Place, config: Config, kinds: Collection[str]) -> AssessClip:
    from models.annotators.needs import needs_gpu

    return (AssessClipOnGpu if needs_gpu(config) else AssessClip)(corpus, config, kinds)


def _groups(clips: dict[str, Any], found: dict[str, ClipAccuracy]) -> list[Group]:
    named: dict[str, list[ClipAccuracy]] = {"all": list(found.values())}
    for camera in sorted({clips[clip_id]["camera"] for clip_id in found}):
        named[camera] = [accuracy for clip_id, accuracy in found.items() if clips[clip_id]["camera"] == camera]
    for name in (name for _, name in SIZES):
        named[name] = [a for clip_id, a in found.items() if _size(clips[clip_id]["person_area_mean"]) == name]
    return [_group(name, members) for name, members in named.items() if members]


def _size(area: float | None) -> str:
    return "" if area is None else next(name for bound, name in SIZES if area < bound)


def _group(name: str, members: list[ClipAccuracy]) -> Group:
    from transforms.accuracy.poses import average_precision

    tracks = [member.tracks for member in members if member.tracks is not None]
    finds = [picture for member in members for picture in member.finds]
    return Group(
        name,
        len(members),
        average_jaccard=_mean(t.average_jaccard for t in tracks),
        delta_average=_mean(t.delta_average for t in tracks),
        occlusion_accuracy=_mean(t.occlusion_accuracy for t in tracks),
        visible_precision=_mean(t.visible_precision for t in tracks),
        iou=_mean(m.iou for m in members),
        boundary_f=_mean(m.boundary_f for m in members),
        pck_10=_mean(m.pck_10 for m in members),
        pck_20=_mean(m.pck_20 for m in members),
        oks_ap=average_precision(finds),
    )


def _add_costs(result: Evaluation, measured: list[ClipAccuracy]) -> None:
    frames = sum(m.frames for m in measured)
    for kind in sorted({kind for m in measured for kind in m.cpu_s}):
        result.ms_per_frame[kind] = 1000 * sum(m.cpu_s[kind] for m in measured) / frames
    point_frames = sum(m.points * m.frames for m in measured)
    if "tracks" in result.ms_per_frame and point_frames:
        result.ms_per_point_frame = 1000 * sum(m.cpu_s["tracks"] for m in measured) / point_frames


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
