"""The masks of a clip's persons, frame after frame: each is prompted with its last one, and anew when it drifts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.annotators.segment_anything.prompts import Prompts
from models.annotators.segment_anything.segmenter import Segmenter, Segments
from schemas.arrays import Bool

_LEAST_COVERED = 0.7
"""Share of the sure joints that the mask must cover."""
_MOST_CHANGE = 2.0
"""Factor by which the area may change from one frame to the next."""


@dataclass(frozen=True, slots=True)
class _Memory:
    """What is carried to the next frame. area_px: of the mask there."""

    small_hw: Tensor
    area_px: float


class MaskFollower:
    """Follows the masks of numbered persons through the frames of one clip, in order."""

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter
        self._memory: dict[int, _Memory] = {}
        self.prompted_anew = 0

    def step(
        self, embedding_CHW: Tensor, size: tuple[int, int], persons: Sequence[int], prompts: Prompts
    ) -> dict[int, Bool]:
        """(H, W) masks of the persons present in the next frame; a pixel belongs to one of them at most.

        Persons who are not in this frame are forgotten: where they come back, they are prompted by their pose alone.
        """
        self._memory = {person: self._memory[person] for person in persons if person in self._memory}
        carried = [i for i, person in enumerate(persons) if person in self._memory]
        logits: dict[int, Tensor] = {}
        if carried:
            memory = torch.stack([self._memory[persons[i]].small_hw for i in carried])
            found = self._segmenter.segment(embedding_CHW, size, prompts.some(carried), memory, several=False)
            for row, i in enumerate(carried):
                if not drifted(found.logits_PMHW[row, 0], self._memory[persons[i]].area_px, prompts, i):
                    logits[i] = self._keep(persons[i], found, row, 0)
        anew = [i for i in range(len(persons)) if i not in logits]
        if anew:
            self.prompted_anew += sum(i in carried for i in anew)
            found = self._segmenter.segment(embedding_CHW, size, prompts.some(anew), None, several=True)
            for row, i in enumerate(anew):
                logits[i] = self._keep(persons[i], found, row, _best(found, row, prompts, i))
        return divided({persons[i]: logits[i] for i in sorted(logits)})

    def _keep(self, person: int, found: Segments, row: int, mask: int) -> Tensor:
        logits_HW = found.logits_PMHW[row, mask]
        self._memory[person] = _Memory(found.memory_PMhw[row, mask], float((logits_HW > 0).sum()))
        return logits_HW


def drifted(logits_HW: Tensor, area_before_px: float, prompts: Prompts, index: int) -> bool:
    """Whether a mask has left the joints of the person of that index, or has changed its size too fast."""
    change = (float((logits_HW > 0).sum()) + 1) / (area_before_px + 1)
    steady = 1 / _MOST_CHANGE <= change <= _MOST_CHANGE
    return not steady or _covered(logits_HW, prompts, index) < _LEAST_COVERED


def _best(found: Segments, row: int, prompts: Prompts, index: int) -> int:
    """The candidate that covers the joints best, by the network's own opinion where they cover alike."""
    covered = [_covered(logits, prompts, index) for logits in found.logits_PMHW[row]]
    worth = [c + float(q) for c, q in zip(covered, found.quality_PM[row], strict=True)]
    return int(np.argmax(worth))


def _covered(logits_HW: Tensor, prompts: Prompts, index: int) -> float:
    """Share of the person's sure joints under the mask; 1 if there are none."""
    own = prompts.on_person_PK[index]
    column, row = np.rint(prompts.point_PK2[index, own]).astype(np.int64).T
    if not len(row):
        return 1.0
    return float((logits_HW[torch.from_numpy(row), torch.from_numpy(column)] > 0).float().mean())


def divided(logits: dict[int, Tensor]) -> dict[int, Bool]:
    """Masks; a pixel that several claim is the one's who is surest of it."""
    if not logits:
        return {}
    persons = list(logits)
    stacked = torch.stack([logits[person] for person in persons])
    owner = stacked.argmax(0)
    inside = stacked > 0
    return {person: (inside[i] & (owner == i)).cpu().numpy() for i, person in enumerate(persons)}
