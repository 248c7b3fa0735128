"""Making again what a damaged corpus lost, from the sources that are still there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Any

from pipelines.corpus.check import check
from pipelines.corpus.committer import Committer
from pipelines.corpus.damage import Damage, Mending, assess
from pipelines.corpus.duplicates import mark_near_duplicates
from pipelines.corpus.layout import Layout, Place
from pipelines.corpus.manifest import read_manifest
from pipelines.corpus.parts import PartWriter
from pipelines.corpus.read import Corpus
from pipelines.curate import CurationStages, Watcher
from pipelines.engines.base import Engine
from pipelines.events import PartDone, Planned
from pipelines.flow import Flow
from pipelines.job import Task
from schemas.outcomes import Kept
from transforms.fetch.fingerprint import Fingerprint


@dataclass(slots=True)
class Repaired:
    """What a repair did.

    remade: clips whose rows were made again. dropped: rows that were wrong or belonged to nothing.
    files_given_up: damaged files that hold nothing any more. left: what could not be repaired, and why.
    """

    remade: int = 0
    dropped: int = 0
    files_given_up: int = 0
    left: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return asdict(self)


def repair(corpus: str | Place, engine: Engine, watch: Watcher) -> Repaired:
    """Put right what `check` finds: the work on the clips it hits is done again, on nothing else.

    Raises CorpusError if the corpus is being written, or its log cannot be read.
    """
    config, done = read_manifest(Layout.at(corpus)), Repaired()
    with Committer(corpus, config) as committer:
        report = check(Corpus(corpus))
        if report.ok:
            return done
        damage = assess(committer.layout, committer.tables, report)
        mending = Mending(committer, damage)
        lost = damage.lost()
        tasks = list(_tasks(engine, damage, lost, done))
        watch(Planned(len(tasks)))
        with closing(engine.run(Flow(CurationStages(config), PartWriter(corpus)), tasks)) as events:
            for event in events:
                if isinstance(event, PartDone):
                    mending.add(event.part)
                watch(event)
        done.remade = len(mending.remade)
        unmade = set(_unmade(damage, mending, lost, done))
        done.dropped, done.files_given_up = mending.commit(unmade)
        if config.near_duplicate_bits is not None and not unmade:
            mark_near_duplicates(committer, config.near_duplicate_bits)
    _say_what_is_lost(damage, done)
    return done


def _tasks(engine: Engine, damage: Damage, lost: dict[str, set[str]], done: Repaired) -> Iterator[Task]:
    """The work on the lost clips of each source that is still what it was."""
    rows = {damage.sources[source_id]["uri"]: damage.sources[source_id] for source_id in lost & damage.sources.keys()}
    with closing(engine.map((Fingerprint(),), sorted(rows))) as outcomes:
        for outcome in outcomes:
            if not isinstance(outcome, Kept):
                done.left.append(f"{outcome.item}: the source cannot be read: {getattr(outcome, 'error', 'rejected')}")
                continue
            source = outcome.item.source
            if source.sha256 != rows[source.uri]["sha256"]:
                done.left.append(f"{source.uri}: the source has another content now")
                continue
            intact = damage.clips[source.source_id] - lost[source.source_id]
            yield Task(source, frozenset(intact), outcome.item.declared_s)


def _unmade(damage: Damage, mending: Mending, lost: dict[str, set[str]], done: Repaired) -> Iterator[str]:
    """Sources of which something is still missing."""
    for source_id, clips in lost.items():
        row = damage.sources.get(source_id)
        missing = sorted(clips - mending.remade)
        if missing:
            uri = row["uri"] if row else f"source {source_id}, whose own row is lost"
            done.left.append(f"{uri}: not made again: {', '.join(missing)}")
        if missing or (row and mending.clip_count(source_id) < row["clips"]):
            yield source_id


def _say_what_is_lost(damage: Damage, done: Repaired) -> None:
    if damage.files.get("sources"):
        done.left.append("sources: some inputs lost their verdict; run `figureground curate` on the same inputs again")
    if damage.files.get("runs"):
        done.left.append("runs: the record of some runs is lost for good")
