"""The dataset card: what is in an export, in words and in the front matter that the Hugging Face Hub reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import yaml

from pipelines.export.base import Listed
from pipelines.export.facts import UNKNOWN_LICENCE, licences

_HUB_LICENCES = {
    "apache-2.0": "apache-2.0",
    "bsd-3-clause": "bsd-3-clause",
    "cc0": "cc0-1.0",
    "cc0-1.0": "cc0-1.0",
    "cc-by-4.0": "cc-by-4.0",
    "cc-by-sa-4.0": "cc-by-sa-4.0",
    "cc-by-nc-4.0": "cc-by-nc-4.0",
    "mit": "mit",
}
"""The Hub's names of licences; whatever else is `other`."""


def card(listed: Sequence[Listed], front: Mapping[str, Any], title: str, schemas: Mapping[str, pa.Schema]) -> bytes:
    """README.md. front: more of the front matter. schemas: columns to describe, by name of the table."""
    counted = licences(entry.item.clip for entry in listed)
    matter = {"license": _hub_licence(counted), "task_categories": ["image-to-video"], "pretty_name": title, **front}
    seconds = sum(entry.item.clip.row["duration_s"] or 0 for entry in listed)
    per_split = Counter(entry.item.split for entry in listed)
    splits = ", ".join(f"{count} in `{split}`" for split, count in sorted(per_split.items()))
    lines = [
        f"---\n{yaml.safe_dump(matter, sort_keys=False)}---\n",
        f"# {title}\n",
        f"{len(listed)} clips of people, {seconds:.0f} s of video: {splits}. All clips of a source are in one split.",
        "Annotations were made by programs, not by people; each row names its annotator.\n",
        "## Licences of the sources\n",
        *(f"- {_cell(licence)}: {count} sources" for licence, count in sorted(counted.items())),
        "\nThe licence of a clip is that of its source. `unknown` means that the source list named none.\n",
    ]
    for name, schema in schemas.items():
        lines += [f"## `{name}`\n", "| column | type | unit | meaning |", "|---|---|---|---|"]
        lines += [_row(field) for field in schema]
        lines.append("")
    return "\n".join(lines).encode()


def _row(field: pa.Field) -> str:
    metadata = field.metadata or {}
    described = (metadata.get(key, b"").decode() for key in (b"unit", b"description"))
    return f"| `{field.name}` | {field.type} | {' | '.join(map(_cell, described))} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _hub_licence(counted: Counter[str]) -> str:
    known = {_HUB_LICENCES.get(licence.lower(), "other") for licence in counted if licence != UNKNOWN_LICENCE}
    return known.pop() if len(known) == 1 and UNKNOWN_LICENCE not in counted else "other"
