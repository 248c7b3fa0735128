"""One annotator run over the stored videos of a corpus; its rows stand beside those of the others."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from pipelines.corpus.annotators import note_annotator, settings_of
from pipelines.corpus.committer import Committer
from pipelines.corpus.layout import Layout, Place
from pipelines.corpus.parts import DataFile, write_rows
from pipelines.corpus.read import Corpus
from pipelines.corpus.rows import Row, mask_row, pose_row, tracks_row
from pipelines.engines.base import Engine
from pipelines.mapping import outcomes_of
from schemas.config import Config
from schemas.outcomes import Failed, Kept, Outcome
from transforms.stage import Resources, Stage

Progress = Callable[[int, int], None]
"""Told how many of how many clips are annotated."""


@dataclass(slots=True)
class Annotated:
    """What a run did. failed: one line per clip that could not be annotated."""

    clips: int
    already_done: int = 0
    made: int = 0
    failed: list[str] = field(default_factory=list)


class AnnotateClip(Stage[str, tuple[DataFile, ...]]):
    """Clip id to the files that hold its new rows."""

    name = "annotate"
    accepts = str
    resources = Resources(cpus=1.0, memory_mb=1024)

    def __init__(self, corpus: str | Place, config: Config, table: str) -> None:
        self._place, self._config, self._table = corpus, config, table
        self._corpus: Corpus | None = None
        self._again: Any = None

    def setup(self) -> None:
        """Open the corpus and load the annotator."""
        from transforms.annotation.again import Again

        self._corpus = Corpus(self._place)
        self._again = Again(self._config, self._table)

    def teardown(self) -> None:
        """Free the annotator."""
        self._corpus = self._again = None

    def process(self, item: str) -> Iterable[Outcome[tuple[DataFile, ...]]]:
        """One outcome: the files, none if there is nobody to annotate."""
        from transforms.encoding.h264 import decode_frames

        if self._corpus is None or self._again is None:
            raise ValueError(f"clip {item} came before setup")
        media, stored, numbers = self._corpus.media(item), self._corpus.annotation(item), self._corpus.persons(item)
        rows = _rows(item, self._again.annotate(decode_frames(media.video, media.fps), stored, numbers))
        if not rows:
            yield Kept(())
            return
        layout = Layout.at(self._place)
        yield Kept((write_rows(layout, self._table, f"annotate-{item}", rows),))


class AnnotateClipOnGpu(AnnotateClip):
    """The same with a GPU to itself."""

    resources = Resources(cpus=1.0, gpus=1.0, memory_mb=4096)


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
    done = Annotated(len(clips), already_done=len(there.intersection(clips)))
    with Committer(corpus, read.config) as committer:
        note_annotator(committer.layout, read.config if there else None, config, table, prefer=prefer)
        left = [clip_id for clip_id in clips if clip_id not in there]
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


def _stage(corpus: str | Place, config: Config, table: str) -> AnnotateClip:
    from models.annotators.needs import is_research

    on_gpu = is_research(settings_of(config, table)["annotator"]) and config.compute.device != "cpu"
    return (AnnotateClipOnGpu if on_gpu else AnnotateClip)(corpus, config, table)


def _take(outcome: Outcome[Any], committer: Committer, done: Annotated) -> None:
    if isinstance(outcome, Kept):
        committer.add_annotations(outcome.item)
        done.made += 1
    elif isinstance(outcome, Failed):
        done.failed.append(f"clip {outcome.item}: {outcome.error}")


def _rows(clip_id: str, new: Any) -> list[Row]:
    from transforms.annotation.again import NewMasks, NewPoses

    ids = {"clip_id": clip_id, "source_id": clip_id.partition("_")[0]}
    if isinstance(new, NewPoses):
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
