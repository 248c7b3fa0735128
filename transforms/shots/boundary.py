"""What lies between two shots."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Boundary:
    """Ticks before `start` are the old shot, ticks from `end` on the new one; a hard cut has start == end."""

    start: int
    end: int

    @property
    def hard(self) -> bool:
        """A cut from one frame to the next."""
        return self.start == self.end
