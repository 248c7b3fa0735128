"""Raw video to corpus: fingerprint the inputs, run the stages over the new ones, commit what comes back."""

from __future__ import annotations

import json
import platform
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pipelines.corpus.committer import Committer
from pipelines.corpus.duplicates import mark_near_duplicates
from pipelines.corpus.parts import PartWriter
from pipelines.counts import Counts
from pipelines.engines.base import Engine
from pipelines.events import Event, PartDone, Planned, SourceDone
from pipelines.flow import Flow
from pipelines.job import Task
from schemas.config import Config
from schemas.outcomes import Kept, Outcome
from schemas.reasons import SourceReason, verdict_of
from schemas.records import Source, SourceReport
from transforms.fetch.fingerprint import Fingerprint, Fingerprinted
from transforms.stage import Stage

SHAPING_PACKAGES = ("figureground", "av", "opencv-python-headless", "scenedetect-headless", "ai-edge-litert", "numpy")
"""Packages whose version can change a corpus; written into `runs`."""

Watcher = Callable[[Event], None]
"""Told every event of a run, for display."""


@dataclass(slots=True)
class Curated:
    """What a run did. near_duplicates: clips set aside as copies of another."""

    inputs: int
    already_done: int = 0
    near_duplicates: int = 0
    seconds: float = 0.0
    counts: Counts = field(default_factory=Counts)


def curation_stages(config: Config) -> tuple[Stage[Any, Any], ...]:
    """The chain from a source to encoded clips."""
    from transforms.annotation.stage import Annotate
    from transforms.decode.stage import Decode
    from transforms.encoding.stage import Encode
    from transforms.screening.people import ScreenPeople
    from transforms.screening.picture import ScreenPicture

    return Decode(config), ScreenPicture(config), ScreenPeople(config), Annotate(config), Encode(config)


def curate(uris: list[str], corpus: Path, config: Config, engine: Engine, watch: Watcher) -> Curated:
    """Bring a corpus up to date with its inputs; running it again does what is left.

    Raises ConfigError if the corpus was built with another configuration, CorpusError if it is in use.
    """
    started, started_at = time.monotonic(), datetime.now(UTC)
    done = Curated(inputs=len(uris))
    with Committer(corpus, config) as committer:
        tasks = list(_plan(committer, _fingerprints(engine, uris), corpus, done, watch))
        watch(_planned(tasks))
        flow = Flow(curation_stages(config), PartWriter(corpus))
        try:
            _run(engine, flow, tasks, committer, done, watch)
        finally:
            committer.flush()
        if config.near_duplicate_bits is not None:
            done.near_duplicates = mark_near_duplicates(committer, config.near_duplicate_bits)
        done.seconds = time.monotonic() - started
        committer.add_run(_run_row(config, engine, started_at, done))
    return done


def _run(engine: Engine, flow: Flow, tasks: list[Task], committer: Committer, done: Curated, watch: Watcher) -> None:
    with closing(engine.run(flow, tasks)) as events:
        for event in events:
            if isinstance(event, PartDone):
                committer.add(event.part)
            committer.flush_if_due()
            done.counts.add(event)
            watch(event)


def _fingerprints(engine: Engine, uris: list[str]) -> list[Outcome[Any]]:
    """One outcome per input, in the order of the inputs whatever the engine's order."""
    with closing(engine.map((Fingerprint(),), uris)) as outcomes:
        by_uri = {(o.item.source.uri if isinstance(o, Kept) else o.item): o for o in outcomes}
    return [by_uri[uri] for uri in uris]


def _plan(
    committer: Committer, fingerprints: Iterable[Outcome[Any]], corpus: Path, done: Curated, watch: Watcher
) -> Iterator[Task]:
    """Tasks for inputs that have no verdict yet; unreadable inputs and copies of another get theirs here."""
    progress, writer = committer.progress(), PartWriter(corpus)
    taken: dict[str, str] = {}
    for outcome in fingerprints:
        found: Fingerprinted | None = outcome.item if isinstance(outcome, Kept) else None
        source = found.source if found else Source(str(outcome.item), "", 0)
        if progress.is_reported(source.uri, source.sha256):
            done.already_done += 1
            continue
        if found and source.source_id not in progress.finished and source.sha256 not in taken:
            taken[source.sha256] = source.uri
            yield Task(source, progress.committed_clips(source.source_id), found.declared_s)
            continue
        report = _copy(source, taken) if found else _unreadable(source, outcome)
        committer.add(writer.write(f"{source.source_id or 'unreadable'}-report", (), report))
        event = SourceDone(report, None)
        done.counts.add(event)
        watch(event)


def _planned(tasks: list[Task]) -> Planned:
    known_s = sum(task.expected_s for task in tasks if task.expected_s is not None)
    return Planned(len(tasks), known_s, sum(t.source.size_bytes for t in tasks if t.expected_s is None))


def _copy(source: Source, taken: dict[str, str]) -> SourceReport:
    first = taken.get(source.sha256, "an input of an earlier run")
    return _report(source, SourceReason.DUPLICATE, f"the same content as {first}")


def _unreadable(source: Source, outcome: Outcome[Any]) -> SourceReport:
    return _report(source, SourceReason.UNREADABLE, getattr(outcome, "error", "cannot be read"))


def _report(source: Source, reason: SourceReason, detail: str) -> SourceReport:
    return SourceReport(source, verdict_of(reason), reason, detail)


def _run_row(config: Config, engine: Engine, started_at: datetime, done: Curated) -> dict[str, Any]:
    return {
        "run_id": f"{started_at:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}",
        "started_at": started_at,
        "seconds": done.seconds,
        "command": "curate",
        "engine": engine.name,
        "workers": engine.workers,
        "config": json.dumps(asdict(config)),
        "versions": json.dumps({"python": platform.python_version()} | _versions()),
        "counts": json.dumps(done.counts.as_dict()),
    }


def _versions() -> dict[str, str]:
    found = {}
    for package in SHAPING_PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
