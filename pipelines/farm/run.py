"""A batch of jobs rendered into a folder: begun, gone on with after whatever happened, and finished."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipelines.corpus.layout import Layout, write_atomically
from pipelines.corpus.lock import Require, writer_lock
from pipelines.corpus.read import Corpus
from pipelines.farm.folder import RendersFolder, Row
from pipelines.farm.orders import News, VideoFailed
from pipelines.farm.page import write_page
from pipelines.farm.pool import Crew, Notice, Pool
from pipelines.farm.schedule import Entry, Schedule
from pipelines.farm.table import write_table
from pipelines.farm.tally import Tally
from pipelines.farm.worker import Rendering
from pipelines.render_card import ModelCard
from pipelines.render_terms import frame_count, output_size
from schemas.config import LimitsConfig
from schemas.render_jobs import RenderJob

_STATUS_EVERY_S = 1.0
Told = Callable[[Tally, "News | Notice | None"], None]
"""Told every event with where the run stands then; None where only time has passed."""
Hire = Callable[[Rendering], Crew[Any]]
"""Where the workers come from."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What to render. out: a folder, or an address in a bucket. together: videos stepped at a time.

    grid: reference, pose, points and result side by side. until: no clip is begun after that time.
    """

    jobs: Sequence[RenderJob]
    corpus: str
    out: Path | str
    card: ModelCard
    grid: bool = False
    together: int = 1
    until: datetime | None = None


def render_batch(batch: Batch, hire: Hire, told: Told, limits: LimitsConfig | None = None) -> Tally:
    """Render what is left of the jobs; those that failed before are tried again.

    Raises ConfigError for a folder of other settings, CorpusError if another driver renders into it or it cannot be
    written.
    """
    folder, card = RendersFolder.at(batch.out), batch.card
    facts: Row = card.facts | {"grid": batch.grid}
    folder.refuse_strangers()
    if isinstance(folder.root, Path):
        folder.root.mkdir(parents=True, exist_ok=True)
    with writer_lock(Layout(folder.root)) as require:
        folder.settle(facts | {"clip_frames": card.clip_frames})
        there = {verdict["job_id"] for verdict in folder.verdicts() if verdict["verdict"] == "done"}
        done = there.intersection(job.job_id for job in batch.jobs)
        folder.sweep(done)
        left = {job.job_id: job for job in batch.jobs if job.job_id not in done}
        entries = _entries(batch, left, folder.clips_made())
        tally = Tally(len(batch.jobs), len(done), sum(entry.clips for entry in entries))
        deaths = (limits or LimitsConfig()).attempts
        schedule: Schedule[Any] = Schedule(entries, batch.together, deaths=deaths)
        work = Rendering(batch.corpus, folder, card, facts, batch.together, batch.grid)
        try:
            with contextlib.closing(hire(work)) as crew:
                pool = Pool(crew, schedule, left, limits or LimitsConfig())
                _work(pool, batch, folder, facts, tally, _while_ours(told, require))
        finally:
            tally.running, tally.workers = {}, 0
            _write_status(folder, tally)
            write_table(folder)
            write_page(folder)
    return tally


def _while_ours(told: Told, require: Require) -> Told:
    """The same, as long as no other driver has taken the lock."""

    def telling(tally: Tally, event: News | Notice | None) -> None:
        require()
        told(tally, event)

    return telling


def _work(pool: Pool, batch: Batch, folder: RendersFolder, facts: Row, tally: Tally, told: Told) -> None:
    written_at = 0.0
    jobs = {job.job_id: job for job in batch.jobs}
    try:
        for event in pool.events(batch.until):
            if isinstance(event, VideoFailed):
                reason = {"verdict": "failed", "reason": event.reason, "detail": event.detail}
                folder.judge(jobs[event.job_id], reason | facts)
            if event is not None and not isinstance(event, Notice):
                tally.add(event)
            tally.workers = pool.ready
            told(tally, event)
            if time.monotonic() - written_at > _STATUS_EVERY_S:
                _write_status(folder, tally)
                written_at = time.monotonic()
    finally:
        pool.stop()


def _write_status(folder: RendersFolder, tally: Tally) -> None:
    write_atomically(folder.status, json.dumps(tally.as_dict() | {"said_at": time.time()}).encode())


def _entries(batch: Batch, jobs: Mapping[str, RenderJob], made: Mapping[str, int]) -> list[Entry]:
    """The jobs as the schedule sees them: how many clips are left, and which can be stepped together."""
    if not jobs:
        return []
    names = {name for job in jobs.values() for name in (job.reference, job.pose)}
    columns = ["clip_id", "frame_rate", "width", "height"]
    media = {row["clip_id"]: row for row in Corpus(batch.corpus).arrow("media", columns, sorted(names)).to_pylist()}
    return [_entry(batch.card, job, media, made.get(job_id, 0)) for job_id, job in jobs.items()]


def _entry(card: ModelCard, job: RenderJob, media: Mapping[str, Row], made: int) -> Entry:
    clips, shape = 1, (0, 0)  # of a job whose clips are not there, and of a picture's shape: the worker will see
    if pose := media.get(job.pose):
        frames = frame_count(job.seconds, Fraction(pose["frame_rate"]))
        clips = max(1, -(-(frames - 1) // (card.clip_frames - 1)))
    if seen := media.get(job.reference):
        shape = output_size((seen["width"], seen["height"]), job.size or card.size, card.size_multiple)
    return Entry(job.job_id, max(1, clips - made), shape, job.priority, made > 0)
