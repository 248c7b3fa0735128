"""Annotations of the clips drawn last, kept as they were read: windows of a clip are drawn again and again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from schemas.records import Annotation

_KEPT_BYTES = 256 * 2**20
"""In each process: some five hundred clips of three seconds."""


@dataclass(slots=True)
class RecentAnnotations:
    """At most `limit` bytes of annotations, the longest unused given up first. Not carried to other processes."""

    limit: int = _KEPT_BYTES
    _kept: OrderedDict[tuple[int, str], Annotation] = field(default_factory=OrderedDict)
    _bytes: int = 0

    def get(self, corpus: int, clip_id: str, read: Callable[[str], Annotation]) -> Annotation:
        """A clip's annotation, by `read` if it is not kept. corpus: its number in the mix."""
        key = corpus, clip_id
        if key not in self._kept:
            self._kept[key] = annotation = read(clip_id)
            self._bytes += size_bytes(annotation)
            while self._bytes > self.limit:
                self._bytes -= size_bytes(self._kept.popitem(last=False)[1])
            return annotation
        self._kept.move_to_end(key)
        return self._kept[key]

    def __reduce__(self) -> tuple[type[RecentAnnotations], tuple[int]]:
        return RecentAnnotations, (self.limit,)


def size_bytes(annotation: Annotation) -> int:
    """Bytes, nearly: of what grows with frames, points and persons."""
    tracks = annotation.tracks
    points = tracks.xy_NT2.nbytes + tracks.visible_NT.nbytes + tracks.on_person_NT.nbytes
    people = sum(
        person.pose.xy_TJ2.nbytes + person.pose.confidence_TJ.nbytes + sum(map(len, person.mask.rle))
        for person in annotation.persons
    )
    return points + people
