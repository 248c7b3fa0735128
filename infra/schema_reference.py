"""Writes docs/schema.md from the schemas: `python -m infra.schema_reference > docs/schema.md`."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from schemas.columns import Table
from schemas.reasons import NEAR_DUPLICATE, SourceReason, Verdict, verdict_of
from schemas.skeletons import SKELETONS
from schemas.tables import RENDERS, TABLES
from schemas.views import LONG_FORMS, VIEW_COLUMNS

_HEAD = """\
# Tables and columns

Written by `python -m infra.schema_reference`; do not edit. The same descriptions are in the metadata of every Parquet
file, and, as comments, in the database that `figureground duckdb` writes.

A row belongs to a clip through `clip_id`. Annotation rows have one entry a frame; entry *i* is frame *i* of the stored
video. Beside the tables there are [views](#views) in long form.

The source of a column is the stage that fills it: `fingerprint` or `fetch` looks at an input; `decode` finds shots and
cuts clips; `picture` and `people` screen them; `annotate` runs the annotators, also as the verb of that name; `encode`
stores the video; `curate` gives the verdict. Rows of synthesized clips (annotator `synthetic`) come from `synthesize`.

Clips set aside as near-duplicates (`reject_reasons` is `near_duplicate`) keep their rows of annotations and media, so
that they can come back if the clip they resemble is forgotten. No view shows those rows; `figureground check` counts
them apart.
"""


def reference() -> str:
    """The whole page."""
    return "\n".join(
        [
            _HEAD,
            *(line for table in TABLES.values() for line in _table(table)),
            *_views(),
            *_table(RENDERS),
            *_codes(),
            *_skeletons(),
        ]
    )


def _table(table: Table) -> Iterator[str]:
    yield f"## {table.name}\n"
    yield f"{table.description} Key: {', '.join(f'`{name}`' for name in table.key)}.\n"
    yield "| column | type | unit | meaning | source |\n|---|---|---|---|---|"
    for field in table.schema:
        unit, meaning, source = (_said(field, key) for key in (b"unit", b"description", b"source"))
        yield f"| `{field.name}` | {field.type} | {unit} | {meaning} | {source} |"
    yield ""


def _views() -> Iterator[str]:
    yield "## views\n"
    yield "In queries, and in the database of `figureground duckdb`, tables are views, and `clips` has more columns:\n"
    for view, columns in VIEW_COLUMNS.items():
        yield f"`{view}`. {LONG_FORMS.get(view, 'Beside the columns above, what a source list says.')}\n"
        yield "| column | meaning |\n|---|---|"
        yield from (f"| `{column}` | {said} |" for column, said in columns.items())
        yield ""


def _said(field: pa.Field, key: bytes) -> str:
    text: str = field.metadata.get(key, b"").decode()
    return text.replace("|", "\\|").replace("<", "&lt;")


def _codes() -> Iterator[str]:
    yield "## Reasons\n"
    yield "Of a clip: the name of a score with `_low` or `_high`, for every rule it broke, or "
    yield f"`{NEAR_DUPLICATE}`. Of a source:\n"
    for verdict in (Verdict.REJECTED, Verdict.FAILED):
        codes = ", ".join(f"`{reason}`" for reason in SourceReason if verdict_of(reason) is verdict)
        yield f"- {verdict}: {codes}"
    yield ""


def _skeletons() -> Iterator[str]:
    yield "## Skeletons\n"
    for skeleton in SKELETONS.values():
        yield f"- `{skeleton.name}`, {len(skeleton.joints)} joints: {', '.join(skeleton.joints[:33])}" + (
            ", ..." if len(skeleton.joints) > 33 else ""
        )


if __name__ == "__main__":
    print(reference())
