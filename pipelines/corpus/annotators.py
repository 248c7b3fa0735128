"""Annotators beside the ones a corpus was built with: which there are, how they were set, which one is preferred.

Kept in the manifest, under `annotators` and `preferred`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pipelines.corpus.layout import Layout, write_atomically
from pipelines.corpus.rows import Row
from pipelines.corpus.unpack import annotator_of, mask_of, pose_of, tracks_of
from schemas.config import Config
from schemas.errors import ConfigError
from schemas.preference import preferred
from schemas.records import Annotation, Annotator, PersonAnnotation

SECTIONS = {"poses": "pose", "masks": "masks", "tracks": "tracks"}
"""Section of the configuration that says how a table's rows are made."""
Preference = Mapping[str, str]
"""Name of the preferred annotator, by table."""


def settings_of(config: Config, table: str) -> dict[str, Any]:
    """The section of the configuration that shapes a table, as plain values."""
    section: dict[str, Any] = asdict(config)[SECTIONS[table]]
    return section


def read_preference(layout: Layout, config: Config) -> Preference:
    """What the user preferred last, or else the annotators of the configuration."""
    named = {table: settings_of(config, table)["annotator"] for table in SECTIONS}
    chosen: dict[str, str] = json.loads(layout.manifest.read_text()).get("preferred", {})
    return named | chosen


def added_annotators(layout: Layout, config: Config) -> dict[str, dict[str, dict[str, Any]]]:
    """Annotators that came after the corpus was built: by table and name, how they are set."""
    noted: dict[str, dict[str, dict[str, Any]]] = json.loads(layout.manifest.read_text()).get("annotators", {})
    built_with = {table: settings_of(config, table)["annotator"] for table in SECTIONS}
    return {t: {name: section for name, section in noted.get(t, {}).items() if name != built_with[t]} for t in SECTIONS}


def note_annotator(
    layout: Layout, built_with: Config | None, config: Config, table: str, *, prefer: bool = False
) -> None:
    """Write down, before its first row, that an annotator makes rows of a table, and how it is set.

    built_with: configuration of the corpus, if it has such rows from the beginning, else None.
    Raises ConfigError if rows of an annotator of that name are there and were made with other settings.
    """
    manifest = json.loads(layout.manifest.read_text())
    section = settings_of(config, table)
    name = section["annotator"]
    known = manifest.setdefault("annotators", {}).setdefault(table, {})
    before = known.get(name) or (section if built_with is None else settings_of(built_with, table))
    changed = [f"{key}: {before.get(key)!r} -> {value!r}" for key, value in section.items() if before.get(key) != value]
    if changed:
        raise ConfigError(
            f"{layout.root} has {table} by {name} made with other settings ({'; '.join(changed)}); rows of one "
            "annotator are made alike. Go on with those settings"
        )
    known[name] = section
    if prefer:
        manifest.setdefault("preferred", {})[table] = name
    write_atomically(layout.manifest, json.dumps(manifest, indent=2).encode())


def assemble(
    poses: Sequence[Row], masks: Sequence[Row], tracks: Sequence[Row], preference: Preference, config: Config
) -> Annotation:
    """The annotation of a clip from its rows: of each table those of one annotator. tracks: at least one row.

    A person has the same number whoever annotated it; persons who lack a pose or a mask are left out.
    """
    poses, masks = _chosen(poses, preference["poses"]), _chosen(masks, preference["masks"])
    (track,) = _chosen(tracks, preference["tracks"])
    masked = {row["person"]: mask_of(row) for row in masks}
    persons = {row["person"]: pose_of(row) for row in poses if row["person"] in masked}
    return Annotation(
        persons=tuple(PersonAnnotation(persons[number], masked[number]) for number in sorted(persons)),
        tracks=tracks_of(track),
        pose_annotator=annotator_of(poses[0]) if poses else Annotator(config.pose.annotator),
        mask_annotator=annotator_of(masks[0]) if masks else Annotator(config.masks.annotator),
        track_annotator=annotator_of(track),
    )


def person_numbers(poses: Sequence[Row], masks: Sequence[Row], preference: Preference) -> list[int]:
    """Numbers of the persons that `assemble` gives, in its order."""
    chosen = (_chosen(poses, preference["poses"]), _chosen(masks, preference["masks"]))
    with_pose, with_mask = ({row["person"] for row in rows} for rows in chosen)
    return sorted(with_pose & with_mask)


def _chosen(rows: Sequence[Row], wanted: str) -> list[Row]:
    if not rows:
        return []
    name = preferred((row["annotator"] for row in rows), wanted)
    return [row for row in rows if row["annotator"] == name]
