"""Kept clips of a corpus, one object each: its scores, and its video and annotations as NumPy arrays.

Shape suffixes: T frames, H rows, W columns, P persons, J joints, N points.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from pipelines.corpus.query import run_query
from pipelines.corpus.rows import Row
from schemas.arrays import F32, U8, Bool
from schemas.errors import CorpusError
from schemas.extras import needs
from schemas.records import Annotation, Frames, Media
from schemas.skeletons import SKELETONS

if TYPE_CHECKING:
    from pipelines.corpus.access import ClipReader
    from pipelines.corpus.read import Corpus

_ID = re.compile(r"[0-9a-f]{16}_\d+_\d+")


@dataclass(frozen=True, slots=True)
class ClipArrays:
    """A clip decoded, everything on one clock: index t of each array belongs to frame t.

    frames_THW3: uint8 RGB. fps: frames per second, constant.
    keypoints_PTJ2: px of the frames, NaN where the person or the joint was not found. confidence_PTJ: 0..1.
    joints: their J names. masks_PTHW: True on the person. Person 0 is the main one; P may be 0.
    points_NT2: px, background points; the last known place where not visible. visible_NT: followed and confirmed.
    on_person_NT: a person covers the place.
    """

    frames_THW3: U8
    fps: Fraction
    keypoints_PTJ2: F32
    confidence_PTJ: F32
    joints: tuple[str, ...]
    masks_PTHW: Bool
    points_NT2: F32
    visible_NT: Bool
    on_person_NT: Bool


@dataclass(frozen=True, slots=True)
class StoredClip:
    """A kept clip. row: its row of the table `clips`, by column; the rest is read when asked for."""

    row: Row
    _reader: ClipReader

    @property
    def clip_id(self) -> str:
        """`<source id>_<start frame>_<end frame>`."""
        return str(self.row["clip_id"])

    @property
    def source_id(self) -> str:
        """First 16 hex digits of the source's SHA-256."""
        return str(self.row["source_id"])

    @property
    def origin(self) -> tuple[str, ...]:
        """The committed files that hold its video and annotations; other names mean other content."""
        return self._reader.files(self.clip_id)

    def media(self) -> Media:
        """The stored video, encoded. Raises CorpusError if its file is damaged."""
        return self._reader.media(self.clip_id)

    def annotation(self) -> Annotation:
        """Poses, masks and tracks as stored. Raises CorpusError if a file is damaged."""
        return self._reader.annotation(self.clip_id)

    def frames(self) -> Frames:
        """The video as YUV 4:2:0. Raises CorpusError if it is damaged, or the packages of `curate` are missing."""
        return _decoded(self.media())

    def rgb(self) -> U8:
        """(T, H, W, 3) frames. Raises CorpusError as `frames` does."""
        frames = self.frames()
        rgb_THW3 = np.empty((len(frames), frames.height, frames.width, 3), np.uint8)
        from transforms.pixels import rgb

        for index in range(len(frames)):
            rgb_THW3[index] = rgb(frames, index)
        return rgb_THW3

    def arrays(self) -> ClipArrays:
        """Everything as arrays, in one call. Raises CorpusError as `frames` does."""
        annotation, frames_THW3 = self.annotation(), self.rgb()
        poses = [person.pose for person in annotation.persons]
        joints = SKELETONS[poses[0].skeleton].joints if poses else ()
        shape = (len(frames_THW3), len(joints))
        return ClipArrays(
            frames_THW3,
            self.media().fps,
            _stacked([pose.xy_TJ2 for pose in poses], (*shape, 2), np.float32),
            _stacked([pose.confidence_TJ for pose in poses], shape, np.float32),
            joints,
            _masks(annotation, frames_THW3.shape[:3]),
            annotation.tracks.xy_NT2,
            annotation.tracks.visible_NT,
            annotation.tracks.on_person_NT,
        )


class StoredClips(Sequence[StoredClip]):
    """The kept clips of a corpus that meet a condition, by clip id. See `Corpus.clips`."""

    def __init__(self, corpus: Corpus, where: str = "", clip_ids: Sequence[str] | None = None) -> None:
        from pipelines.corpus.access import ClipReader

        kept = "(SELECT * FROM clips WHERE kept) AS clips"
        sql = f"SELECT * FROM {kept} WHERE (\n{where.strip() or 'true'}\n) ORDER BY clip_id"  # noqa: S608
        self._rows: list[Row] = run_query(corpus, sql).table.to_pylist()
        _require_ids(corpus, self._rows)
        if clip_ids is not None:
            self._rows = _chosen(corpus, self._rows, clip_ids)
        self._reader = ClipReader(corpus)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> StoredClip: ...
    @overload
    def __getitem__(self, index: slice) -> list[StoredClip]: ...
    def __getitem__(self, index: int | slice) -> StoredClip | list[StoredClip]:
        if isinstance(index, slice):
            return [StoredClip(row, self._reader) for row in self._rows[index]]
        return StoredClip(self._rows[index], self._reader)

    def __iter__(self) -> Iterator[StoredClip]:
        return (StoredClip(row, self._reader) for row in self._rows)


def _require_ids(corpus: Corpus, rows: list[Row]) -> None:
    """Ids become file names; those of a corpus made by somebody else could lead anywhere."""
    for row in rows:
        if not _ID.fullmatch(row["clip_id"]) or not row["clip_id"].startswith(f"{row['source_id']}_"):
            raise CorpusError(f"{corpus.root}: {row['clip_id']!r} is no clip id; see `figureground check`")


def _chosen(corpus: Corpus, rows: list[Row], clip_ids: Sequence[str]) -> list[Row]:
    by_id = {row["clip_id"]: row for row in rows}
    for clip_id in clip_ids:
        if clip_id not in by_id:
            clip = corpus.clip(clip_id)
            why = ", ".join(clip["reject_reasons"] or ()) or clip["error"] or "by the condition"
            raise CorpusError(f"clip {clip_id} was not kept ({why}), so it has no video to show")
    return [by_id[clip_id] for clip_id in dict.fromkeys(clip_ids)]


def _decoded(media: Media) -> Frames:
    try:
        import av

        from transforms.encoding.h264 import decode_frames
    except ModuleNotFoundError as error:
        raise CorpusError(needs("decoding", error.name)) from None
    try:
        frames = decode_frames(media.video, media.fps)
    except (av.FFmpegError, ValueError) as error:
        raise CorpusError(f"a stored video does not decode: {error}; run `figureground check --deep`") from error
    if len(frames) != media.frames:
        message = f"{len(frames)} of {media.frames} frames of a stored video decode; run `figureground check --deep`"
        raise CorpusError(message)
    return frames


def _masks(annotation: Annotation, shape_THW: tuple[int, ...]) -> Bool:
    from models.annotators.rle import decode_mask

    masks_PTHW = np.zeros((len(annotation.persons), *shape_THW), np.bool_)
    for person, of_person_THW in zip(annotation.persons, masks_PTHW, strict=True):
        for frame in range(shape_THW[0]):
            of_person_THW[frame] = decode_mask(person.mask, frame)
    return masks_PTHW


def _stacked(parts: list[Any], shape: tuple[int, ...], dtype: type) -> Any:
    return np.stack(parts).astype(dtype, copy=False) if parts else np.empty((0, *shape), dtype)
