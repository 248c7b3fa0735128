"""Tables without a past: the log begins at the newest version, and names no file that is gone."""

from __future__ import annotations

from pipelines.corpus.delta import in_a_line
from pipelines.corpus.layout import Layout, Place
from pipelines.failpoints import failpoint
from schemas.errors import CorpusError

_AT_ONCE = {"delta.deletedFileRetentionDuration": "interval 0 seconds"}
"""Removed files are not remembered in checkpoints: our own runs sweep them anyway."""
_LOG = "_delta_log"


def drop_history(layout: Layout, name: str) -> None:
    """Make a table's newest version its first. Killed anywhere, it is done by doing it again.

    A checkpoint is written that holds the files of the newest version alone; then the log before it is deleted.
    Raises CorpusError if the log cannot be read or written.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        table = DeltaTable(str(layout.table(name)))
        # A commit of its own: the one that removed files names them, and a checkpoint's own commit stays in the log.
        table.alter.set_table_properties(_AT_ONCE)
        table.create_checkpoint()
        newest = table.version()
    except (DeltaError, OSError) as error:
        raise CorpusError(f"{layout.table(name)}: its history cannot be dropped: {in_a_line(error)}") from error
    failpoint("forget.history.before")
    log: Place = layout.table(name) / _LOG
    places: list[Place] = list(log.iterdir())
    for place in places:
        version = _version(place)
        if version is not None and version < newest:
            place.unlink()
    failpoint("forget.history.after")


def _version(place: Place) -> int | None:
    """The version that a file of the log is about; None for the pointer to the last checkpoint."""
    number = place.name.partition(".")[0]
    return int(number) if number.isdigit() else None
