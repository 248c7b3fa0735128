"""Classifier-free guidance over all conditions together and over figure and ground alone.

Shape suffixes: G branches, B videos, T frames, C channels, h w latent.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import inf
from typing import TYPE_CHECKING

from schemas.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor


class Branch(Enum):
    """A prediction by what it is denied."""

    NOTHING = "nothing"
    EVERYTHING = "everything"
    POSE = "pose"
    POINTS = "points"


@dataclass(frozen=True, slots=True)
class Guidance:
    """Strengths; 1 is none, and costs nothing.

    prediction = full + (joint - 1)(full - nothing known)
                      + (figure - 1)(full - without pose) + (ground - 1)(full - without points)
    """

    joint: float = 1.0
    figure: float = 1.0
    ground: float = 1.0

    def __post_init__(self) -> None:
        if not all(0 <= strength < inf for strength in (self.joint, self.figure, self.ground)):
            raise ConfigError(f"guidance strengths are numbers from 0 up, 1 for none; got {self}")

    @property
    def branches(self) -> tuple[Branch, ...]:
        """Predictions needed at every step, the full one first."""
        return (Branch.NOTHING, *(branch for branch, strength in self._strengths() if strength != 1.0))

    def combine(self, predictions_GBTChw: Tensor) -> Tensor:
        """One prediction (B, T, C, h, w) of those of `branches`."""
        full, *denied = predictions_GBTChw.unbind()
        used = [strength for _, strength in self._strengths() if strength != 1.0]
        guided = full
        for strength, prediction in zip(used, denied, strict=True):
            guided = guided + (strength - 1) * (full - prediction)
        return guided

    def _strengths(self) -> tuple[tuple[Branch, float], ...]:
        return ((Branch.EVERYTHING, self.joint), (Branch.POSE, self.figure), (Branch.POINTS, self.ground))
