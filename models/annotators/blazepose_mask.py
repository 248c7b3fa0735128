"""The masks BlazePose makes along with the joints."""

from __future__ import annotations

from models.annotators.base import TrackedPerson
from models.annotators.blazepose import landmarks
from models.weights import REGISTRY
from schemas.records import Annotator, Frames, Mask


class BlazePoseMask:
    """Mask annotator that hands on what the pose annotator found: no network runs again."""

    @property
    def identity(self) -> Annotator:
        """Name, and the digest of the landmark network, which makes the masks."""
        return Annotator("blazepose", REGISTRY[landmarks.WEIGHTS].sha256)

    def annotate(self, frames: Frames, persons: tuple[TrackedPerson, ...]) -> tuple[Mask, ...]:
        """One mask track per person. Raises ValueError for a person whose pose annotator made none."""
        masks = tuple(person.mask for person in persons if person.mask is not None)
        if len(masks) != len(persons):
            raise ValueError("masks: blazepose needs persons found by the blazepose pose annotator")
        return masks
