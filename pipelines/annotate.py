"""One annotator run over the stored videos of a corpus; its rows stand beside those of the others."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
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


class AnnotateClips(Stage[str, tuple[DataFile, ...]]):
    """Clips, by id, to the files that hold their new rows."""

    name = "annotate"
    accepts = str
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

    def process(self, item: str) -> Iterable[Outcome[tuple[DataFile, ...]]]:
        """The clip's file, none if there is nobody to mask."""
        from transforms.encoding.h264 import decode_frames

        if self._clips is None or self._again is None:
            raise ValueError(f"clip {item} came before setup")
        media = self._clips.media(item)
        frames = decode_frames(media.video, media.fps)
        made = self._again.annotate(frames, self._clips.annotation(item), self._clips.persons(item))
        rows = _rows(item, made, len(frames))
        yield Kept((write_rows(Layout.at(self._place), self._table, f"annotate-{item}", rows),) if rows else ())


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
        with closing(outcomes_of(_stage(corpus, config, table), left, engine)) as outcomes:
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


def _stage(corpus: str | Place, config: Config, table: str) -> AnnotateClips:
    from models.annotators.needs import is_research

    on_gpu = is_research(settings_of(config, table)["annotator"]) and config.compute.device != "cpu"
    return (AnnotateClipsOnGpu if on_gpu else AnnotateClips)(corpus, config, table)


def _take(outcome: Outcome[Any], committer: Committer, done: Annotated) -> None:
    if isinstance(outcome, Kept):
        committer.add_annotations(outcome.item)
        done.made += 1
    elif isinstance(outcome, Failed):
        done.failed.append(f"clip {outcome.item}: {outcome.error}")


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
