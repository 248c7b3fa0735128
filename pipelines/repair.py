"""Making again what a damaged corpus lost, from the sources that are still there."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Any

from pipelines.annotate import annotate
from pipelines.corpus.annotators import SECTIONS, added_annotators
from pipelines.corpus.check import check
from pipelines.corpus.committer import Committer
from pipelines.corpus.damage import Damage, Mending, assess
from pipelines.corpus.duplicates import mark_near_duplicates
from pipelines.corpus.layout import Layout, Place
from pipelines.corpus.manifest import read_manifest
from pipelines.corpus.parts import PartWriter
from pipelines.corpus.read import Corpus
from pipelines.curate import CurationStages, Watcher
from pipelines.downloads import Downloads
from pipelines.engines.base import Engine
from pipelines.events import PartDone, Planned
from pipelines.flow import Flow
from pipelines.job import Task
from schemas.config import Config
from schemas.config_loading import parse_config
from schemas.errors import CorpusError, FiguregroundError
from schemas.fetch import FetchConfig
from schemas.outcomes import Kept
from schemas.preference import TRUTH
from schemas.records import Source
from transforms.fetch.fetcher import Fetched
from transforms.fetch.fingerprint import Fingerprint
from transforms.fetch.uris import is_remote, without_secrets


@dataclass(slots=True)
class Repaired:
    """What a repair did.

    remade: clips whose rows were made again. annotated: rows of annotators added later, made again, in clips.
    dropped: rows that were wrong or belonged to nothing. files_given_up: damaged files that hold nothing any more.
    left: what could not be repaired, and why.
    """

    remade: int = 0
    annotated: int = 0
    dropped: int = 0
    files_given_up: int = 0
    left: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return asdict(self)


def repair(corpus: str | Place, engine: Engine, watch: Watcher, fetch: FetchConfig | None = None) -> Repaired:
    """Put right what `check` finds: the work on the clips it hits is done again, on nothing else.

    fetch: how the sources with an address are downloaded again. Raises CorpusError if the corpus is being written, its
    log cannot be read, or it was synthesized.
    """
    config, done = read_manifest(Layout.at(corpus)), Repaired()
    with Committer(corpus, config) as committer:
        report = check(Corpus(corpus))
        if report.ok:
            return done
        damage = assess(committer.layout, committer.tables, report, config)
        if TRUTH in damage.annotators:
            raise CorpusError(f"{corpus} was synthesized: delete it and give the same `figureground synthesize` again")
        mending = Mending(committer, damage)
        lost = damage.lost()
        watch(Planned(len(lost)))
        with closing(_lots(corpus, engine, damage, lost, fetch or FetchConfig(), done)) as lots:
            for tasks in lots:
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
        added = added_annotators(committer.layout, config)
    _say_what_is_lost(damage, done)
    for table in (table for table in added if damage.files.get(table) or damage.wrong[table]):
        for name, section in added[table].items():
            _annotate_again(
                corpus, parse_config(asdict(config) | {SECTIONS[table]: section}), table, name, engine, done
            )
    return done


def _lots(
    corpus: str | Place, engine: Engine, damage: Damage, lost: dict[str, set[str]], fetch: FetchConfig, done: Repaired
) -> Generator[list[Task]]:
    """The work on the lost clips of each source that is still what it was: files first, then what is downloaded."""
    rows = {damage.sources[source_id]["uri"]: damage.sources[source_id] for source_id in lost & damage.sources.keys()}

    def tasks(sources: Iterable[tuple[Source, float | None]]) -> Iterator[Task]:
        for source, declared_s in sources:
            if source.sha256 == rows[source.uri]["sha256"]:
                yield Task(source, frozenset(damage.clips[source.source_id] - lost[source.source_id]), declared_s)
            else:
                done.left.append(f"{source.uri}: the source has another content now")

    remote = [uri for uri in rows if is_remote(uri)]
    secret = [uri for uri in remote if without_secrets(uri) != uri]
    done.left += [f"{uri}: its address held a secret, which is not kept: forget it, then curate it" for uri in secret]
    if here := sorted(rows.keys() - remote):
        yield list(tasks(_files(engine, here, done)))
    if len(secret) < len(remote):
        downloads = Downloads(corpus, fetch)
        with closing(downloads.lots(uri for uri in remote if uri not in secret)) as lots:
            for lot in lots:
                refused = [found for found in lot if not isinstance(found, Fetched)]
                done.left += [f"{found.source.uri}: not downloaded again: {found.detail}" for found in refused]
                yield list(tasks((found.source, None) for found in lot if isinstance(found, Fetched)))
                downloads.committed()
        downloads.close()


def _files(engine: Engine, paths: Sequence[str], done: Repaired) -> Iterator[tuple[Source, float | None]]:
    with closing(engine.map((Fingerprint(),), paths)) as outcomes:
        for outcome in outcomes:
            if isinstance(outcome, Kept):
                yield outcome.item.source, outcome.item.declared_s
            else:
                done.left.append(f"{outcome.item}: the source cannot be read: {getattr(outcome, 'error', 'rejected')}")


def _annotate_again(corpus: str | Place, config: Config, table: str, name: str, engine: Engine, done: Repaired) -> None:
    """Rows of an annotator that was added later are made from the stored videos."""
    try:
        annotated = annotate(corpus, config, table, engine, lambda *_: None)
    except FiguregroundError as error:
        done.left.append(f"{table} by {name}: {error}")
        return
    done.annotated += annotated.made
    done.left += [f"{table} by {name}: {line}" for line in annotated.failed]


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
