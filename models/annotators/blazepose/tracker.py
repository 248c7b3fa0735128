"""Following persons from frame to frame: each is looked for where its alignment points were in the last frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.annotators.blazepose.detector import View, views
from models.annotators.blazepose.finder import PersonFinder
from models.annotators.blazepose.landmarks import Landmarks
from models.annotators.blazepose.picture import Picture

_DETECT_EVERY = 10
"""Frames between looks for persons not followed yet."""
_SEARCH_FRAMES = (1, 2, 3, 5, 8)
"""Frames after the loss of a person at which it is looked for."""
_ESTABLISHED = 5
"""Frames after which a person is worth looking for."""
_REMEMBERED = 60
"""Frames for which a lost person keeps its number."""
_TAKEN_UP_AGAIN = 0.15
"""Overlap of a new find with the last region of a lost person that makes it the same person."""
_NEWCOMER = 1.3
"""A newcomer must be so much larger than a followed person to take its place."""


@dataclass(slots=True)
class _Track:
    """person: running number. last: last find. lost_for: frames since, 0 while followed. seen: frames with a find."""

    person: int
    last: Landmarks
    lost_for: int = 0
    seen: int = 0


class PersonTracker:
    """Follows up to `most` persons through the frames of one clip, in order."""

    def __init__(self, finder: PersonFinder, most: int) -> None:
        self._finder = finder
        self._most = most
        self._tracks: list[_Track] = []
        self._frame = 0
        self._looks = 0

    def step(self, picture: Picture) -> dict[int, Landmarks]:
        """Persons found in the next frame, by a number that stays with each."""
        found = self._follow(picture)
        where = self._views_due(found, picture.height, picture.width)
        for person in self._finder.find(picture, where, tuple(found.values())):
            found[self._number_of(person.landmarks, found)] = person.landmarks
        self._settle(found)
        self._frame += 1
        return found

    def _follow(self, picture: Picture) -> dict[int, Landmarks]:
        found: dict[int, Landmarks] = {}
        for track in self._tracks:
            if track.lost_for:
                continue
            marks = self._finder.follow(picture, track.last)
            if marks is not None and not any(marks.is_same_person(other) for other in found.values()):
                found[track.person] = marks
        return found

    def _views_due(self, found: dict[int, Landmarks], height: int, width: int) -> Sequence[View]:
        """Where to look for persons in this frame: everywhere at first, later in one view at a time or nowhere."""
        every = views(height, width)
        if self._frame == 0:
            return every
        lost = [t.lost_for + 1 for t in self._tracks if t.person not in found and t.seen >= _ESTABLISHED]
        searched = len(found) < self._most and any(age in _SEARCH_FRAMES for age in lost)
        if found and not searched and self._frame % _DETECT_EVERY:
            return ()
        self._looks += 1
        return (every[(self._looks - 1) % len(every)],)

    def _number_of(self, marks: Landmarks, found: dict[int, Landmarks]) -> int:
        """Number of a new find: that of a person lost near it, or a new one."""
        lost = [t for t in self._tracks if t.person not in found and t.lost_for < _REMEMBERED]
        overlaps = [t.last.next_roi.overlap(marks.next_roi) for t in lost]
        if overlaps and max(overlaps) > _TAKEN_UP_AGAIN:
            return lost[overlaps.index(max(overlaps))].person
        self._tracks.append(_Track(len(self._tracks), marks))
        return self._tracks[-1].person

    def _settle(self, found: dict[int, Landmarks]) -> None:
        """Keep the largest persons, those followed already before newcomers of about their size."""
        followed = {t.person for t in self._tracks if t.seen and not t.lost_for}
        size = {p: m.area_px * (_NEWCOMER if p in followed else 1.0) for p, m in found.items()}
        for person in sorted(found, key=lambda p: -size[p])[self._most :]:
            del found[person]
        for track in self._tracks:
            if track.person in found:
                track.last, track.lost_for, track.seen = found[track.person], 0, track.seen + 1
            else:
                track.lost_for += 1
