"""An export from beginning to end: choose clips, write what is not there yet, list everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.corpus.layout import Place
from pipelines.corpus.read import Corpus
from pipelines.export.base import Format, Item, Listed, Settings, Unit
from pipelines.export.ledger import Ledger
from pipelines.export.registry import format_named
from pipelines.export.splits import Splits
from schemas.errors import CorpusError

Told = Callable[[int, int], None]
"""Told how many clips are exported and how many there are."""


@dataclass(slots=True)
class Exported:
    """What a run did, in clips. failed: a line per group of clips that could not be exported."""

    clips: int = 0
    written: int = 0
    already_done: int = 0
    splits: dict[str, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return {name: getattr(self, name) for name in ("clips", "written", "already_done", "splits", "failed")}


def export(
    corpus: Corpus | str | Place,
    out: Path | str,
    format_: str,
    *,
    where: str = "",
    splits: Splits | None = None,
    settings: Settings | None = None,
    told: Told = lambda done, total: None,
) -> Exported:
    """Write kept clips in a format of `pipelines.export.registry`; running it again does what is left or new.

    where: SQL condition over `clips`. Raises QueryError for a condition that is none, ConfigError for an unknown
    format or a folder that holds something else, CorpusError if no clip meets the condition.
    """
    corpus = corpus if isinstance(corpus, Corpus) else Corpus(corpus)
    splits, settings, out = splits or Splits(), settings or Settings(), Path(out)
    writer = format_named(format_)(corpus, settings)
    items = _items(corpus, where, splits)
    ledger = Ledger(out, _remembered(format_, where, splits, settings))
    units = list(writer.units(items))
    done = Exported(len(items), splits=dict.fromkeys((name for name, _ in splits.shares), 0))
    listed, files = _write(writer, units, ledger, out, done, told)
    for entry in listed:
        done.splits[entry.item.split] += 1
    writer.finish(listed, tuple(done.splits), out)
    ledger.forget_others({unit.name for unit in units}, files)
    return done


def _write(
    writer: Format, units: Sequence[Unit], ledger: Ledger, out: Path, done: Exported, told: Told
) -> tuple[list[Listed], set[str]]:
    """All clips that are there afterwards, and all files; units that are there already are not written again."""
    listed: list[Listed] = []
    files: set[str] = set()
    for unit in units:
        told(done.written + done.already_done, done.clips)
        written = ledger.finished(unit)
        if written is not None:
            done.already_done += len(unit.items)
        else:
            try:
                written = writer.write(unit, out)
            except CorpusError as error:
                done.failed.append(f"{_named(unit)}: {error}")
                continue
            ledger.note(unit, written)
            done.written += len(unit.items)
        files |= set(written.files)
        listed += [Listed(item, record) for item, record in zip(unit.items, written.records, strict=True)]
    told(done.written + done.already_done, done.clips)
    return listed, files


def _items(corpus: Corpus, where: str, splits: Splits) -> list[Item]:
    items = [Item(clip, splits.of(clip.source_id)) for clip in corpus.clips(where)]
    if not items:
        condition = f" meets the condition {where!r}" if where else ""
        raise CorpusError(f"no kept clip of {corpus.root}{condition}, so there is nothing to export")
    return items


def _remembered(format_: str, where: str, splits: Splits, settings: Settings) -> dict[str, Any]:
    shares = [list(share) for share in splits.shares]
    return {"format": format_, "where": where, "splits": shares, "stride": settings.stride}


def _named(unit: Unit) -> str:
    return unit.name if len(unit.items) == 1 else f"{unit.name} ({len(unit.items)} clips)"
