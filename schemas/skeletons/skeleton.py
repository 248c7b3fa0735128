"""What a skeleton is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Skeleton:
    """joints: names by index; bones: pairs of indices; face: indices of face joints."""

    name: str
    joints: tuple[str, ...]
    bones: tuple[tuple[int, int], ...]
    face: tuple[int, ...]

    def index(self, joint: str) -> int:
        """Index of a joint by name. Raises ValueError if the skeleton has no such joint."""
        return self.joints.index(joint)

    def indices(self, *joints: str) -> list[int]:
        """Indices of several joints."""
        return [self.index(joint) for joint in joints]
