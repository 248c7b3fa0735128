"""Clips of a source, in candidate order, gathered in parts that are committed whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

from pipelines.corpus.parts import part_id_of
from pipelines.events import PartDone
from pipelines.job import Task
from schemas.records import Clip, SourceReport


class PartWriter(Protocol):
    """Writes the rows of a part to files nobody sees before the commit. Picklable."""

    def write(self, part_id: str, clips: Sequence[Clip], report: SourceReport | None) -> Any:
        """Write a part and describe it: small, picklable. The same part id always means the same rows."""
        ...


class PartSink:
    """Part k holds candidates k*n .. k*n+n-1; it is written as soon as the last of them is there.

    Candidates that are committed already are left out. The last part, maybe without clips, carries the report.
    """

    def __init__(self, task: Task, writer: PartWriter, clips_per_part: int) -> None:
        self._task = task
        self._writer = writer
        self._size = clips_per_part
        self._next_index = 0
        self._clips: list[Clip] = []

    def take(self, clip: Clip) -> Iterator[PartDone]:
        """Add the next candidate. Raises ValueError unless candidates come in the order of their index."""
        if clip.index != self._next_index:
            raise ValueError(f"{clip.clip_id} has index {clip.index}, expected {self._next_index}")
        self._next_index += 1
        if clip.clip_id not in self._task.committed:
            self._clips.append(replace(clip, frames=None))
        if self._clips and self._next_index % self._size == 0:
            yield self._write(None)

    def close(self, report: SourceReport) -> Iterator[PartDone]:
        """Write what is left, and the report."""
        yield self._write(report)

    def _write(self, report: SourceReport | None) -> PartDone:
        clips, self._clips = tuple(self._clips), []
        first = clips[0].index if clips else self._next_index
        return write_part(self._writer, part_id_of(self._task.source.source_id, first), clips, report)


def write_part(writer: PartWriter, part_id: str, clips: tuple[Clip, ...], report: SourceReport | None) -> PartDone:
    """Write a part and say so."""
    part = writer.write(part_id, clips, report)
    return PartDone(part, tuple(clip.clip_id for clip in clips), sum(clip.kept for clip in clips), report)
