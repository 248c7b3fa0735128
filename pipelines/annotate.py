"""One annotator run over the stored videos of a corpus; its rows stand beside those of the others."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from pipelines.corpus.annotators import note_annotator, person_numbers, settings_of
from pipelines.corpus.committer import Committer
from pipelines.corpus.layout import Layout, Place
from pipelines.corpus.parts import DataFile, write_rows
from pipelines.corpus.read import Corpus
from pipelines.corpus.rows import Row, mask_row, nobody_row, pose_row, tracks_row
from pipelines.engines.base import Engine
from pipelines.mapping import outcomes_of
from schemas.config import Config
from schemas.outcomes import Failed, Kept, Outcome
from schemas.records import Annotation, Frames
from transforms.stage import Resources, Stage

if TYPE_CHECKING:
    from pipelines.corpus.access import ClipReader

Progress = Callable[[int, int], None]
"""Told how many of how many clips are annotated."""


@dataclass(slots=True)
class Annotated:
    """What a run did. failed: one line per clip that could not be annotated."""

    clips: int
    already_done: int = 0
    made: int = 0
    failed: list[str] = field(default_factory=list)


ClipIds = tuple[str, ...]
"""Clips of one length, which an annotator may take together."""


class AnnotateClips(Stage[ClipIds, tuple[DataFile, ...]]):
    """Clips to the files that hold their new rows."""

    name = "annotate"
    accepts = tuple
    resources = Resources(cpus=1.0, memory_mb=1024)

    def __init__(self, corpus: str | Place, config: Config, table: str) -> None:
        self._place, self._config, self._table = corpus, config, table
        self._clips: ClipReader | None = None
        self._again: Any = None

    def setup(self) -> None:
        """Open the corpus and load the annotator."""
        from pipelines.corpus.access import ClipReader
        from transforms.annotation.again import Again

        self._clips = ClipReader(Corpus(self._place))
        self._again = Again(self._config, self._table)

    def teardown(self) -> None:
        """Free the annotator, and what it held of a GPU's memory."""
        from models.annotators.factory import release

        self._clips = self._again = None
        release()

    def process(self, item: ClipIds) -> Iterable[Outcome[tuple[DataFile, ...]]]:
        """For each clip the files, none if there is nobody to mask; all of them once all are annotated."""
        if self._clips is None or self._again is None:
            raise ValueError(f"clips {item} came before setup")
        clips = [self._read(self._clips, clip_id) for clip_id in item]
        made = self._again.annotate_several(clips)
        rows = [_rows(clip_id, new, len(clip[0])) for clip_id, new, clip in zip(item, made, clips, strict=True)]
        layout = Layout.at(self._place)
        for clip_id, of_clip in zip(item, rows, strict=True):
            yield Kept((write_rows(layout, self._table, f"annotate-{clip_id}", of_clip),) if of_clip else ())

    @staticmethod
    def _read(stored: ClipReader, clip_id: str) -> tuple[Frames, Annotation, list[int]]:
        from transforms.encoding.h264 import decode_frames

        media = stored.media(clip_id)
        return decode_frames(media.video, media.fps), stored.annotation(clip_id), stored.persons(clip_id)


class AnnotateClipsOnGpu(AnnotateClips):
    """The same with a GPU to itself."""

    resources = Resources(cpus=1.0, gpus=1.0, memory_mb=4096)

    @property
    def gpu_number(self) -> int | None:
        """The one that the configuration names."""
        from models.annotators.needs import gpu_number

        return gpu_number(self._config)


def annotate(
    corpus: str | Place, config: Config, table: str, engine: Engine | None, progress: Progress, *, prefer: bool = False
) -> Annotated:
    """Annotate every kept clip that has no rows of the configured annotator yet; running it again does what is left.

    table: poses, masks or tracks. prefer: views and readers show these rows from now on. engine: None works in this
    process. Raises ConfigError if rows of this annotator were made with other settings, CorpusError for no corpus.
    """
    started, started_at = time.monotonic(), datetime.now(UTC)
    read = Corpus(corpus)
    name = settings_of(config, table)["annotator"]
    clips, there = read.kept_clip_ids(), annotated_clips(read, table, name)
    needless = clips_without_persons(read, clips) if table == "masks" else set()
    left = [clip_id for clip_id in clips if clip_id not in there | needless]
    done = Annotated(len(clips), already_done=len(clips) - len(left))
    with Committer(corpus, read.config) as committer:
        note_annotator(committer.layout, read.config if there else None, config, table, prefer=prefer)
        groups = _groups(read, left, config, table)
        with closing(_outcomes(_stage(corpus, config, table), groups, engine)) as outcomes:
            try:
                for outcome in outcomes:
                    _take(outcome, committer, done)
                    progress(done.already_done + done.made + len(done.failed), done.clips)
            finally:
                committer.flush()
        committer.add_run(_run_row(config, table, name, engine, started_at, time.monotonic() - started, done))
    return done


def annotated_clips(corpus: Corpus, table: str, annotator: str) -> set[str]:
    """Clips that have rows of an annotator."""
    rows = corpus.arrow(table, ["clip_id", "annotator"]).to_pylist()
    return {row["clip_id"] for row in rows if row["annotator"] == annotator}


def clips_without_persons(corpus: Corpus, clips: Iterable[str]) -> set[str]:
    """Those of the clips in which nobody has pose and mask."""
    rows: dict[str, tuple[list[Row], list[Row]]] = {clip_id: ([], []) for clip_id in clips}
    for i, table in enumerate(("poses", "masks")):
        for row in corpus.arrow(table, ["clip_id", "person", "annotator"]).to_pylist():
            if row["clip_id"] in rows:
                rows[row["clip_id"]][i].append(row)
    return {clip_id for clip_id, posed_masked in rows.items() if not person_numbers(*posed_masked, corpus.preference)}


def _groups(corpus: Corpus, left: Sequence[str], config: Config, table: str) -> list[ClipIds]:
    """The clips in groups of one length, as many in a group as the annotator takes together."""
    from models.annotators.needs import clips_together

    most = clips_together(config, table)
    if most == 1:
        return [(clip_id,) for clip_id in left]
    rows = corpus.arrow("clips", ["clip_id", "frames"]).to_pylist()
    frames = {row["clip_id"]: row["frames"] for row in rows}
    alike = [list(group) for _, group in groupby(sorted(left, key=lambda c: (frames[c], c)), key=frames.__getitem__)]
    return [tuple(group[start : start + most]) for group in alike for start in range(0, len(group), most)]


def _outcomes(
    stage: AnnotateClips, groups: Iterable[ClipIds], engine: Engine | None
) -> Generator[Outcome[Any], None, None]:
    """Outcomes clip by clip. A group that fails is taken apart: a clip fails alone."""
    apart: list[ClipIds] = []
    with closing(outcomes_of(stage, groups, engine)) as outcomes:
        for outcome in outcomes:
            if isinstance(outcome, Failed) and len(outcome.item) > 1:
                apart += [(clip_id,) for clip_id in outcome.item]
            else:
                yield outcome
    if apart:
        yield from outcomes_of(stage, apart, engine)


def _stage(corpus: str | Place, config: Config, table: str) -> AnnotateClips:
    from models.annotators.needs import is_research

    on_gpu = is_research(settings_of(config, table)["annotator"]) and config.compute.device != "cpu"
    return (AnnotateClipsOnGpu if on_gpu else AnnotateClips)(corpus, config, table)


def _take(outcome: Outcome[Any], committer: Committer, done: Annotated) -> None:
    if isinstance(outcome, Kept):
        committer.add_annotations(outcome.item)
        done.made += 1
    elif isinstance(outcome, Failed):
        done.failed.append(f"clip {outcome.item[0]}: {outcome.error}")


def _rows(clip_id: str, new: Any, frames: int) -> list[Row]:
    from transforms.annotation.again import NewMasks, NewPoses

    ids = {"clip_id": clip_id, "source_id": clip_id.partition("_")[0]}
    if isinstance(new, NewPoses):
        if not new.poses:
            return [ids | nobody_row(frames, new.annotator)]
        return [ids | pose_row(number, pose, new.annotator) for number, pose in new.poses]
    if isinstance(new, NewMasks):
        return [ids | mask_row(number, mask, new.annotator) for number, mask in new.masks]
    return [ids | tracks_row(new.tracks, new.annotator)]


def _run_row(
    config: Config, table: str, name: str, engine: Engine | None, started_at: datetime, seconds: float, done: Annotated
) -> Row:
    from pipelines.curate import package_versions

    return {
        "run_id": f"{started_at:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}",
        "started_at": started_at,
        "seconds": seconds,
        "command": f"annotate {table} {name}",
        "engine": "none" if engine is None else engine.name,
        "workers": 1 if engine is None else engine.workers,
        "config": json.dumps(asdict(config)),
        "versions": json.dumps(package_versions()),
        "counts": json.dumps({"clips": done.clips, "made": done.made, "failed": len(done.failed)}),
    }
