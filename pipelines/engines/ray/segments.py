"""Which stages run at home, in the worker that decodes a source, and which are lent its clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from schemas.records import Clip
from transforms.stage import Stage


@dataclass(frozen=True, slots=True)
class Segment:
    """Neighbouring stages that one process runs, one after the other. lent: on a GPU, away from the source's worker."""

    stages: tuple[Stage[Any, Any], ...]
    lent: bool

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the stages."""
        return tuple(stage.name for stage in self.stages)


def segments(stages: Sequence[Stage[Any, Any]]) -> tuple[Segment, ...]:
    """The chain cut where clips move to a GPU and back; without such stages it stays in one piece.

    Frames are moved only where they must: neighbours of one kind share a process, and what opens the source is home.
    """
    groups = groupby(stages, key=lambda stage: stage.accepts is Clip and stage.resources.gpus > 0)
    return tuple(Segment(tuple(group), lent) for lent, group in groups)
