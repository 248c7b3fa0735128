"""Raw video to corpus: fingerprint the inputs, run the stages over the new ones, commit what comes back."""

from __future__ import annotations

import json
import platform
import time
import uuid
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from pipelines.chain import LateStages, Stopwatch
from pipelines.corpus.committer import Committer
from pipelines.corpus.layout import Place
from pipelines.corpus.parts import PartWriter
from pipelines.counts import Counts
from pipelines.engines.base import Engine
from pipelines.events import FETCH, FINGERPRINT, Event, PartDone, Planned, SourceDone, StageCount
from pipelines.flow import Flow
from pipelines.job import GpuNeed, Task
from pipelines.undone import Undone
from schemas.config import Config
from schemas.fetch import FetchConfig
from schemas.outcomes import Kept, Outcome
from schemas.reasons import SourceReason, Verdict, verdict_of
from schemas.records import Listing, Source, SourceReport
from transforms.fetch.fingerprint import Fingerprint, Fingerprinted
from transforms.fetch.uris import as_text, is_remote, without_secrets
from transforms.stage import Stage

if TYPE_CHECKING:
    from transforms.fetch.fetcher import Fetched

SHAPING_PACKAGES = ("figureground", "av", "opencv-python-headless", "scenedetect-headless", "ai-edge-litert", "numpy")
"""Packages whose version can change a corpus; written into `runs`."""

_LOT = 1024
"""Files that are planned at a time: so that memory does not grow with their number."""

_COPY = "another input has the same content: the one with this sha256 that is no duplicate"
"""Names nobody, so that it does not depend on where lots and earlier runs ended."""

Watcher = Callable[[Event], None]
"""Told every event of a run, for display."""


@dataclass(slots=True)
class Curated:
    """What a run did. near_duplicates: clips set aside as copies of another. undone: inputs that came to nothing."""

    inputs: int
    already_done: int = 0
    near_duplicates: int = 0
    seconds: float = 0.0
    counts: Counts = field(default_factory=Counts)
    undone: Undone = field(default_factory=Undone)


def curation_stages(config: Config) -> tuple[Stage[Any, Any], ...]:
    """The chain from a source to encoded clips."""
    from transforms.annotation.stage import annotation_stage
    from transforms.decode.stage import Decode
    from transforms.encoding.stage import Encode
    from transforms.screening.people import ScreenPeople
    from transforms.screening.picture import ScreenPicture

    return Decode(config), ScreenPicture(config), ScreenPeople(config), annotation_stage(config), Encode(config)


@dataclass(frozen=True)
class CurationStages(LateStages):
    """The same chain, made where it is first looked at."""

    config: Config

    @cached_property
    def _made(self) -> tuple[Stage[Any, Any], ...]:
        return curation_stages(self.config)

    def gpu_need(self) -> GpuNeed:
        """Of the annotators: all else runs on processors."""
        from models.annotators.needs import gpu_number, needs_gpu

        return GpuNeed(1.0, gpu_number(self.config)) if needs_gpu(self.config) else GpuNeed()

    def __len__(self) -> int:
        return len(self._made)

    def __getitem__(self, index: Any) -> Any:
        return self._made[index]


def curate(
    uris: Collection[str],
    corpus: str | Place,
    config: Config,
    engine: Engine,
    watch: Watcher,
    *,
    listings: Mapping[str, Listing] | None = None,
    fetch: FetchConfig | None = None,
) -> Curated:
    """Bring a corpus up to date with its inputs; running it again does what is left.

    listings: what a source list says of inputs, by uri. fetch: how addresses are downloaded.
    Raises ConfigError if the corpus was built with another configuration, CorpusError if it is in use.
    """
    started, started_at = time.monotonic(), datetime.now(UTC)
    done = Curated(inputs=len(uris))
    with Committer(corpus, config) as committer:
        run = _Run(committer, config, engine, done, watch, listings or {})
        here, remote = ([uri for uri in uris if is_remote(uri) == far] for far in (False, True))
        try:
            for first in range(0, len(here), _LOT):
                ahead = max(0, len(here) - first - _LOT) + len(remote)
                run.take(FINGERPRINT, _fingerprints(engine, here[first : first + _LOT]), ahead)
            if remote:
                run.download(remote, fetch or FetchConfig())
        finally:
            committer.flush()
        if config.near_duplicate_bits is not None:
            from pipelines.corpus.duplicates import mark_near_duplicates

            done.near_duplicates = mark_near_duplicates(committer, config.near_duplicate_bits)
        done.seconds = time.monotonic() - started
        committer.add_run(_run_row(config, engine, started_at, done))
    return done


Found = Fingerprinted | SourceReport
"""An input that can be worked on, or the report that says why not."""


class _Run:
    """The work of one `curate`: lots of inputs, planned and done one after the other."""

    def __init__(
        self,
        committer: Committer,
        config: Config,
        engine: Engine,
        done: Curated,
        watch: Watcher,
        listings: Mapping[str, Listing],
    ) -> None:
        self._committer, self._engine, self._done, self._watch = committer, engine, done, watch
        self._listings = {without_secrets(as_text(uri)): listing for uri, listing in listings.items()}
        self._writer = PartWriter(committer.layout.root)
        self._flow = Flow(CurationStages(config), self._writer)
        self._taken: set[str] = set()
        self._planned = Planned(0)
        self._looking = Stopwatch()
        self._settled: Callable[[SourceReport], None] = lambda report: None

    def take(self, stage: str, found: Iterable[Found], ahead: int = 0) -> None:
        """Work on inputs. stage: that looked at them. ahead: inputs that will be given later."""
        self._taken.clear()  # what was taken before has its verdict
        settled_before = self._done.counts.sources
        tasks = deque(self._plan(stage, self._looking.over(iter(found))))
        self._tell(StageCount(stage, busy_s=self._looking.take()))
        self._planned = _planned(self._planned, tasks, self._done.counts.sources - settled_before, ahead)
        self._watch(self._planned)
        if tasks:
            self._work(tasks)

    def download(self, uris: list[str], fetch: FetchConfig) -> None:
        """Fetch remote inputs, a lot at a time, and work on each lot while the next one comes."""
        from pipelines.downloads import Downloads

        downloads = Downloads(self._committer.layout.root, fetch)
        self._settled = downloads.settled
        settled = self._committer.progress().settled
        left = [uri for uri in uris if without_secrets(uri) not in settled]
        downloads.skip(uri for uri in uris if without_secrets(uri) in settled)
        self._done.already_done += len(uris) - len(left)
        ahead = len(left)
        with closing(downloads.lots(left)) as lots:
            for lot in self._looking.over(lots):
                ahead -= len(lot)
                self.take(FETCH, (_fetched(found) for found in lot), ahead)
                self._committer.flush()
                downloads.committed()
        downloads.close()

    def _work(self, tasks: deque[Task]) -> None:
        """Empties `tasks`, so that memory does not hold what is done."""
        with closing(self._engine.run(self._flow, _taken_from(tasks))) as events:
            for event in events:
                if isinstance(event, PartDone):
                    self._committer.add(event.part)
                if isinstance(event, SourceDone):
                    self._settled(event.report)
                self._committer.flush_if_due()
                self._tell(event)

    def _plan(self, stage: str, inputs: Iterable[Found]) -> Iterator[Task]:
        """Tasks for inputs that have no verdict yet; unreadable inputs and copies of another get theirs here."""
        progress = self._committer.progress()
        for found in inputs:
            source = self._listed(found.source)
            if progress.is_reported(source.uri, source.sha256):
                self._done.already_done += 1
            elif isinstance(found, SourceReport):
                self._settle(stage, replace(found, source=source))
            elif source.source_id in progress.finished or source.sha256 in self._taken:
                self._settle(stage, _report(source, SourceReason.DUPLICATE, _COPY))
            else:
                self._taken.add(source.sha256)
                self._tell(StageCount(stage, received=1, kept=1))
                yield Task(source, progress.committed_clips(source.source_id), found.declared_s)

    def _listed(self, source: Source) -> Source:
        listing = self._listings.get(source.uri)
        return source if listing is None else replace(source, listing=listing)

    def _settle(self, stage: str, report: SourceReport) -> None:
        part_id = f"{report.source.source_id or 'unreadable'}-report"
        self._committer.add(self._writer.write(part_id, (), report))
        self._settled(report)
        failed = report.verdict == Verdict.FAILED
        self._tell(StageCount(stage, received=1, rejected=int(not failed), failed=int(failed)))
        self._tell(SourceDone(report, expected_s=0.0))  # its bytes were never in the plan

    def _tell(self, event: Event) -> None:
        self._done.counts.add(event)
        self._done.undone.add(event)
        self._watch(event)


def _fingerprints(engine: Engine, uris: list[str]) -> Iterator[Found]:
    """One per input, in the order of the inputs whatever the engine's order."""
    if not uris:
        return
    with closing(engine.map((Fingerprint(),), uris)) as outcomes:
        by_path = {(o.item.source.file if isinstance(o, Kept) else o.item): o for o in outcomes}
    for uri in dict.fromkeys(uris):
        outcome = by_path.pop(uri)
        yield outcome.item if isinstance(outcome, Kept) else _unreadable(Source(as_text(uri), "", 0), outcome)


def _taken_from(tasks: deque[Task]) -> Iterator[Task]:
    while tasks:
        yield tasks.popleft()


def _fetched(found: Fetched | SourceReport) -> Found:
    return found if isinstance(found, SourceReport) else Fingerprinted(found.source, None)


def _planned(before: Planned, tasks: Sequence[Task], settled: int, ahead: int) -> Planned:
    """The plan so far: what was given before, these tasks, and those to come, of which nothing more is known.

    settled: sources of this lot that already have their verdict: they could not be read, or are copies.
    """
    known_s = sum(task.expected_s for task in tasks if task.expected_s is not None)
    unknown_bytes = sum(t.source.size_bytes for t in tasks if t.expected_s is None)
    sources = before.sources - before.ahead + len(tasks) + settled + ahead
    return Planned(sources, before.known_s + known_s, before.unknown_bytes + unknown_bytes, ahead)


def _unreadable(source: Source, outcome: Outcome[Any]) -> SourceReport:
    error = as_text(getattr(outcome, "error", "cannot be read"))
    return _report(source, SourceReason.UNREADABLE, error.removeprefix(f"{Fingerprint.name}: "))


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
        "versions": json.dumps(package_versions()),
        "counts": json.dumps(done.counts.as_dict()),
    }


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that shape a corpus, as far as they are installed."""
    found = {"python": platform.python_version()}
    for package in SHAPING_PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
