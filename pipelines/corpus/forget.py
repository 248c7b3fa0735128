"""The right to be forgotten: every row, file and byte of a source, old versions included, and a search as proof."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.corpus.committer import Committer
from pipelines.corpus.delta import Tables
from pipelines.corpus.duplicates import mark_near_duplicates
from pipelines.corpus.history import drop_history
from pipelines.corpus.layout import Layout, Place, content_name, file_sha256, publish, temporary_beside
from pipelines.corpus.manifest import read_manifest
from pipelines.corpus.parquet import open_file, open_writer, rows_per_group
from pipelines.corpus.parts import DataFile
from pipelines.corpus.traces import Search, search
from pipelines.failpoints import failpoint
from schemas.columns import Table
from schemas.errors import CorpusError
from schemas.tables import ANNOTATION_TABLES, TABLES
from transforms.fetch.store import SourceStore
from transforms.fetch.uris import without_secrets

_ID_DIGITS = 16
_SAMPLE_BYTES = 64


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was removed. sources: their addresses. rows: by table. search: for what is left of them."""

    sources: tuple[str, ...]
    rows: dict[str, int]
    search: Search


@dataclass(frozen=True, slots=True)
class _Targets:
    """Inputs to forget. Content is forgotten under every address it came from."""

    uris: frozenset[str]
    sha256s: frozenset[str]

    @property
    def source_ids(self) -> list[str]:
        return sorted(sha256[:_ID_DIGITS] for sha256 in self.sha256s)

    def mask(self, table: Table, rows: pa.Table) -> pa.ChunkedArray:
        """True for the rows that must go."""
        mask = pc.is_in(rows["source_id"], pa.array(self.source_ids, pa.string()))
        if table.name == "sources":
            mask = pc.or_(mask, pc.is_in(rows["uri"], pa.array(sorted(self.uris), pa.string())))
        return mask


def forget(corpus: str | Place, names: Sequence[str]) -> Forgotten:
    """Remove sources, named by address, path, source id or SHA-256, and prove it by a search of all bytes.

    Killed anywhere, the same call finishes it. Other clips that were set aside as copies of a forgotten one come
    back. Raises CorpusError if the corpus is in use, or holds no source of one of the names.
    """
    layout = Layout.at(corpus)
    config = read_manifest(layout)
    with Committer(corpus, config) as committer:
        targets = _resolve(committer, names)
        samples = list(_video_samples(committer, targets))
        # The row in `sources` tells a second attempt what to look for, so it goes when all else is gone.
        rows = {name: _remove_rows(committer, TABLES[name], targets) for name in (*ANNOTATION_TABLES, "clips")}
        if config.near_duplicate_bits is not None:
            mark_near_duplicates(committer, config.near_duplicate_bits)
        for name in TABLES:
            drop_history(layout, name)
        committer.tables = Tables(layout)
        committer.sweep()
        _forget_downloads(layout, targets)
        rows["sources"] = _remove_rows(committer, TABLES["sources"], targets)
        drop_history(layout, "sources")
        committer.tables = Tables(layout)
    needles = [*_names_to_search(targets, _remaining_uris(corpus)), *samples]
    return Forgotten(tuple(sorted(targets.uris)), rows, search(layout, needles))


def _resolve(committer: Committer, names: Sequence[str]) -> _Targets:
    found = {(row["uri"], row["sha256"]) for row in _source_rows(committer)}
    uris, sha256s = set[str](), set[str]()
    for name in names:
        addresses = {without_secrets(name), str(Path(name).expanduser().absolute())}
        matches = {(uri, sha) for uri, sha in found if uri in addresses or (sha and name in (sha, sha[:_ID_DIGITS]))}
        if not matches and not search(committer.layout, [without_secrets(name).encode()]).found:
            raise CorpusError(f"{committer.layout.root} has no source {without_secrets(name)}")
        uris |= {uri for uri, _ in matches} or {without_secrets(name)}
        sha256s |= {sha for _, sha in matches if sha}
    uris |= {uri for uri, sha in found if sha in sha256s}
    return _Targets(frozenset(uris), frozenset(sha256s))


def _source_rows(committer: Committer) -> Iterator[dict[str, str]]:
    for file in committer.tables.files("sources"):
        with open_file(committer.layout.table("sources") / file.path) as parquet:
            yield from parquet.read(columns=["uri", "sha256"]).to_pylist()


def _remove_rows(committer: Committer, table: Table, targets: _Targets) -> int:
    """Rewrite the files that hold such rows, in one commit; how many rows went."""
    removed, old, new = 0, [], []
    for file in committer.tables.files(table.name):
        kept = _without(committer.layout, table, file, targets)
        if kept is not file:
            removed += file.rows - (kept.rows if kept else 0)
            old.append(file)
            new += [kept] if kept else []
    if old:
        failpoint(f"forget.{table.name}.before")
        committer.tables.replace(table.name, old, new, data_change=True)
        failpoint(f"forget.{table.name}.after")
    return removed


def _without(layout: Layout, table: Table, file: DataFile, targets: _Targets) -> DataFile | None:
    """The file itself if nothing in it must go, a new one with the rest, or None if nothing is left."""
    folder = layout.table(table.name)
    columns = ["source_id", "uri"] if table.name == "sources" else ["source_id"]
    with open_file(folder / file.path) as parquet:
        going = targets.mask(table, parquet.read(columns=columns))
        going_count = pc.sum(going).as_py() or 0
        if going_count == 0:
            return file
        if going_count == len(going):
            return None
        temporary = temporary_beside(folder / f"rest-{file.path}")
        with open_writer(table, temporary) as writer:
            for group in range(parquet.num_row_groups):
                rows = parquet.read_row_group(group)
                rest = rows.filter(pc.invert(targets.mask(table, rows)))
                if len(rest):
                    writer.write_table(rest, row_group_size=rows_per_group(table))
    name, size_bytes = content_name("rest", file_sha256(temporary)), temporary.stat().st_size
    publish(temporary, folder / name)
    return DataFile(table.name, name, size_bytes, file.rows - going_count)


def _video_samples(committer: Committer, targets: _Targets) -> Iterator[bytes]:
    """Bytes out of the middle of every stored video that goes: videos lie unpacked in their files."""
    for file in committer.tables.files("media"):
        with open_file(committer.layout.table("media") / file.path) as parquet:
            for group in range(parquet.num_row_groups):
                ids = parquet.read_row_group(group, columns=["source_id"])
                if pc.any(targets.mask(TABLES["media"], ids)).as_py():
                    rows = parquet.read_row_group(group, columns=["source_id", "video"])
                    for video in rows.filter(targets.mask(TABLES["media"], rows))["video"].to_pylist():
                        middle = max(0, len(video) // 2 - _SAMPLE_BYTES // 2)
                        yield video[middle : middle + _SAMPLE_BYTES]


def _forget_downloads(layout: Layout, targets: _Targets) -> None:
    if isinstance(layout.sources, Path):
        store = SourceStore(layout.sources)
        for uri in targets.uris:
            for sha256 in (*targets.sha256s, None):
                store.forget(uri, sha256)
        store.remove_if_empty()


def _names_to_search(targets: _Targets, remaining: set[str]) -> list[bytes]:
    """Ids, and addresses that are no part of another that stays."""
    uris = [uri for uri in targets.uris if not any(uri in other for other in remaining)]
    return [name.encode(errors="surrogateescape") for name in (*targets.source_ids, *uris)]


def _remaining_uris(corpus: str | Place) -> set[str]:
    from pipelines.corpus.read import Corpus

    return set(Corpus(corpus).arrow("sources", ["uri"])["uri"].to_pylist())
