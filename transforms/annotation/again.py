"""One kind of annotation of a clip made anew, beside what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.annotators.base import MaskAnnotator, PoseAnnotator, TrackAnnotator, TrackedPerson
from models.annotators.factory import create_masks, create_pose, create_tracks
from schemas.config import Config
from schemas.errors import ConfigError
from schemas.records import Annotation, Annotator, Frames, Mask, Pose, Tracks
from transforms.annotation.matching import person_numbers


@dataclass(frozen=True, slots=True)
class NewPoses:
    """Poses by the number of the person."""

    poses: tuple[tuple[int, Pose], ...]
    annotator: Annotator


@dataclass(frozen=True, slots=True)
class NewMasks:
    """Masks by the number of the person."""

    masks: tuple[tuple[int, Mask], ...]
    annotator: Annotator


@dataclass(frozen=True, slots=True)
class NewTracks:
    """Tracks of the background."""

    tracks: Tracks
    annotator: Annotator


New = NewPoses | NewMasks | NewTracks


class Again:
    """Makes the annotations of one table. Raises ConfigError for an annotator that cannot work by itself."""

    def __init__(self, config: Config, table: str) -> None:
        self._pose: PoseAnnotator | None = None
        self._masks: MaskAnnotator | None = None
        self._tracks: TrackAnnotator | None = None
        if table == "poses":
            self._pose = create_pose(config, masks=False)
        elif table == "masks":
            if config.masks.annotator == "blazepose":
                raise ConfigError("the masks of blazepose are made along with its poses, not by themselves")
            self._masks = create_masks(config)
        else:
            self._tracks = create_tracks(config)

    def annotate(self, frames: Frames, stored: Annotation, numbers: Sequence[int]) -> New:
        """The new annotation. stored: what the clip has; numbers: of its persons, in order."""
        if self._pose is not None:
            found = [person.pose for person in self._pose.annotate(frames)]
            known = list(zip(numbers, (person.pose for person in stored.persons), strict=True))
            return NewPoses(tuple(zip(person_numbers(found, known), found, strict=True)), self._pose.identity)
        if self._masks is not None:
            persons = tuple(TrackedPerson(person.pose, None) for person in stored.persons)
            masks = self._masks.annotate(frames, persons)
            return NewMasks(tuple(zip(numbers, masks, strict=True)), self._masks.identity)
        assert self._tracks is not None
        masks = tuple(person.mask for person in stored.persons)
        return NewTracks(self._tracks.annotate(frames, masks), self._tracks.identity)
