"""The Delta Lake calls the corpus is built on: create, list, append, replace. All are atomic per table."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.corpus.layout import Layout, sync
from pipelines.corpus.parts import DataFile
from schemas.columns import Table, element_of
from schemas.errors import CorpusError
from schemas.tables import TABLES

if TYPE_CHECKING:
    from deltalake import CommitProperties, DeltaTable, Schema
    from deltalake.schema import ArrayType, PrimitiveType
    from deltalake.transaction import AddAction, RemoveAction

_APPLICATION = "figureground"
_PROPERTIES = {"delta.checkpointInterval": "20"}
"""A table in memory holds the commits since its last checkpoint."""
_PRIMITIVE = {"int32": "integer", "int64": "long", "bool": "boolean", "timestamp[us, tz=UTC]": "timestamp"}
"""Delta's names of types, where they are not Arrow's."""


class Tables:
    """The Delta tables of a corpus, as they were when first asked for, and as our own commits made them since.

    Commits are not made on top of what others did meanwhile: a batch of another driver is a conflict, even where the
    lock was lost unnoticed. A commit that arrived although its answer did not is seen to be ours.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._open: dict[str, DeltaTable] = {}

    def create(self) -> None:
        """Make the tables that are not there yet."""
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        for table in TABLES.values():
            address = str(self._layout.table(table.name))
            try:
                DeltaTable.create(
                    address,
                    _schema(table),
                    mode="ignore",
                    name=table.name,
                    description=table.description,
                    configuration=_PROPERTIES,
                )
            except (DeltaError, OSError) as error:
                if not _is_there(address):
                    raise CorpusError(f"cannot create {address}: {in_a_line(error)}") from error

    def files(self, name: str) -> list[DataFile]:
        """Committed files of the table, by name."""
        actions = self._table(name).get_add_actions()
        columns = (actions[column].to_pylist() for column in ("path", "size_bytes", "num_records"))
        files = [DataFile(name, path, size, rows or 0) for path, size, rows in zip(*columns, strict=True)]
        return sorted(files, key=lambda file: file.path)

    def sequence(self, name: str) -> int:
        """Number of the last batch that reached the table; 0 before the first."""
        return self._table(name).transaction_version(_APPLICATION) or 0

    def append(self, name: str, sequence: int, files: Sequence[DataFile]) -> None:
        """Commit the files of a batch, unless this batch has been committed already."""
        from deltalake import CommitProperties, Transaction

        if self.sequence(name) < sequence:
            transaction = Transaction(_APPLICATION, sequence)
            self._commit(name, (), files, True, CommitProperties(app_transactions=[transaction]))

    def replace(self, name: str, old: Sequence[DataFile], new: Sequence[DataFile], *, data_change: bool) -> None:
        """Swap files for others in one commit. data_change: False if the rows stay the same."""
        self._commit(name, old, new, data_change, None)

    def _commit(
        self,
        name: str,
        old: Sequence[DataFile],
        new: Sequence[DataFile],
        data_change: bool,
        properties: CommitProperties | None,
    ) -> None:
        from deltalake.exceptions import DeltaError

        table = self._table(name)
        actions = [*_removes(old, data_change), *_adds(new, data_change)]
        try:
            table.create_write_transaction(actions, mode="append", schema=table.schema(), commit_properties=properties)
        except (DeltaError, OSError) as error:
            self._require_arrival(name, old, new, error)
        table.load_as_version(table.version() + 1)
        log = self._layout.table(name) / "_delta_log"
        sync(log / f"{table.version():020d}.json")
        sync(log)

    def _require_arrival(self, name: str, old: Sequence[DataFile], new: Sequence[DataFile], error: Exception) -> None:
        """Raise CorpusError unless our commit is there, although we were told that it failed."""
        now = Tables(self._layout)
        committed = {file.path for file in now.files(name)}
        if committed >= {file.path for file in new} and committed.isdisjoint(file.path for file in old):
            return
        others = now._table(name).version() > self._table(name).version()
        why = "another driver has written to it meanwhile" if others else in_a_line(error)
        raise CorpusError(f"cannot commit to {self._layout.table(name)}: {why}") from error

    def _table(self, name: str) -> DeltaTable:
        if name not in self._open:
            self._open[name] = self._load(name)
        return self._open[name]

    def _load(self, name: str) -> DeltaTable:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        try:
            return DeltaTable(str(self._layout.table(name)))
        except (DeltaError, OSError) as error:
            where, why = self._layout.table(name), in_a_line(error)
            raise CorpusError(f"{where}: the table's log cannot be read: {why}") from None


def _schema(table: Table) -> Schema:
    """The columns for Delta Lake; by way of Arrow they would cost its import in every process that opens a corpus."""
    from deltalake import Field, Schema

    return Schema([Field(c.name, _type(c.type), nullable=c.nullable, metadata=c.metadata) for c in table.columns])


def _type(name: str) -> PrimitiveType | ArrayType:
    from deltalake.schema import ArrayType, PrimitiveType

    if (element := element_of(name)) != name:
        return ArrayType(_type(element))
    return PrimitiveType(_PRIMITIVE.get(name, name))


def in_a_line(error: Exception) -> str:
    """What Delta Lake says, without the drawing."""
    parts = (part.strip(" \u21b3") for part in re.sub(r"\x1b\[\d*m", "", str(error)).splitlines())
    return ": ".join(part for part in parts if part)


def _is_there(address: str) -> bool:
    from deltalake import DeltaTable

    try:
        return DeltaTable.is_deltatable(address)
    except OSError:
        return False


def _adds(files: Sequence[DataFile], data_change: bool) -> list[AddAction | RemoveAction]:
    from deltalake.transaction import AddAction

    now_ms = int(time.time() * 1000)
    return [AddAction(f.path, f.size_bytes, {}, now_ms, data_change, json.dumps({"numRecords": f.rows})) for f in files]


def _removes(files: Sequence[DataFile], data_change: bool) -> list[AddAction | RemoveAction]:
    from deltalake.transaction import RemoveAction

    now_ms = int(time.time() * 1000)
    return [RemoveAction(f.path, data_change, now_ms, f.size_bytes, {}) for f in files]
