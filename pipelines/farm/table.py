"""The verdicts of a folder of renders as one Parquet table.

It is made anew from the verdicts and scores, so whatever was killed before, a job has one row.
"""

from __future__ import annotations

from pipelines.corpus.layout import write_atomically
from pipelines.corpus.parquet import encode
from pipelines.farm.folder import TABLE, RendersFolder, Row
from schemas.tables import RENDERS


def write_table(folder: RendersFolder) -> int:
    """Write the table, all or nothing; its rows."""
    rows = [
        _row(verdict | folder.scores(verdict["job_id"], verdict.get("sha256", ""))) for verdict in folder.verdicts()
    ]
    write_atomically(folder.root / TABLE, encode(RENDERS, rows))
    return len(rows)


def _row(verdict: Row) -> Row:
    told = verdict["job"] | verdict | {"render_s": verdict.get("timings", {}).get("render_s")}
    return {column.name: told.get(column.name) for column in RENDERS.columns}
