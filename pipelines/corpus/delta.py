"""The Delta Lake calls the corpus is built on: create, list, append, replace. All are atomic per table."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.corpus.layout import Layout, sync
from pipelines.corpus.parts import DataFile
from schemas.errors import CorpusError
from schemas.tables import TABLES

if TYPE_CHECKING:
    from deltalake import CommitProperties, DeltaTable
    from deltalake.transaction import AddAction, RemoveAction

_APPLICATION = "figureground"


class Tables:
    """The Delta tables of a corpus, opened once and read anew where their state matters."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._open: dict[str, DeltaTable] = {}

    def create(self) -> None:
        """Make the tables that are not there yet."""
        from deltalake import DeltaTable

        for table in TABLES.values():
            DeltaTable.create(
                self._layout.table(table.name),
                table.schema,
                mode="ignore",
                name=table.name,
                description=table.description,
            )

    def files(self, name: str) -> list[DataFile]:
        """Files of the table's newest version, by name."""
        actions = self._newest(name).get_add_actions()
        columns = (actions[column].to_pylist() for column in ("path", "size_bytes", "num_records"))
        files = [DataFile(name, path, size, rows or 0) for path, size, rows in zip(*columns, strict=True)]
        return sorted(files, key=lambda file: file.path)

    def sequence(self, name: str) -> int:
        """Number of the last batch that reached the table; 0 before the first."""
        return self._newest(name).transaction_version(_APPLICATION) or 0

    def append(self, name: str, sequence: int, files: Sequence[DataFile]) -> None:
        """Commit the files of a batch, unless this batch has been committed already."""
        from deltalake import CommitProperties, Transaction

        if self.sequence(name) < sequence:
            transaction = Transaction(_APPLICATION, sequence)
            self._commit(name, _adds(files, True), CommitProperties(app_transactions=[transaction]))

    def replace(self, name: str, old: Sequence[DataFile], new: Sequence[DataFile], *, data_change: bool) -> None:
        """Swap files for others in one commit. data_change: False if the rows stay the same."""
        from deltalake.transaction import RemoveAction

        now_ms = int(time.time() * 1000)
        removes = [RemoveAction(f.path, data_change, now_ms, f.size_bytes, {}) for f in old]
        self._commit(name, [*removes, *_adds(new, data_change)], None)

    def _commit(self, name: str, actions: list[AddAction | RemoveAction], properties: CommitProperties | None) -> None:
        from deltalake.exceptions import DeltaError

        table = self._newest(name)
        try:
            table.create_write_transaction(actions, mode="append", schema=table.schema(), commit_properties=properties)
        except (DeltaError, OSError) as error:
            raise CorpusError(f"cannot commit to {self._layout.table(name)}: {error}") from error
        log = self._layout.table(name) / "_delta_log"
        sync(log / f"{self._newest(name).version():020d}.json")
        sync(log)

    def _newest(self, name: str) -> DeltaTable:
        if name in self._open:
            self._open[name].update_incremental()
        else:
            self._open[name] = self._load(name)
        return self._open[name]

    def _load(self, name: str) -> DeltaTable:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        try:
            return DeltaTable(self._layout.table(name))
        except DeltaError as error:
            raise CorpusError(f"{self._layout.table(name)}: the table's log cannot be read: {error}") from None


def _adds(files: Sequence[DataFile], data_change: bool) -> list[AddAction | RemoveAction]:
    from deltalake.transaction import AddAction

    now_ms = int(time.time() * 1000)
    return [AddAction(f.path, f.size_bytes, {}, now_ms, data_change, json.dumps({"numRecords": f.rows})) for f in files]
