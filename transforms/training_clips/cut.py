"""A training window: the frames of one draw with pose, masks and points, all in the pixels of its crop.

Shape suffixes: W frames of the window, T frames of a clip, J joints, N points, H rows, Q columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

import numpy as np

from schemas.arrays import F32, U8, Bool
from schemas.records import Annotation, Tracks
from transforms.rasterising.selection import ClipPoints, choose_points
from transforms.training_clips.decoding import decode_each
from transforms.training_clips.draw import Draw


@dataclass(frozen=True, slots=True)
class TrainingWindow:
    """frames_WHQ3: RGB. other_HQ3: another frame of the video. figure_WHQ: the main person; people_WHQ: everybody.

    xy_WJ2: px of the main person's joints, NaN where not found; confidence_WJ: 0..1. points: 0 to 50 for each clip,
    chosen in its first frame, seen and not on a person. clip_id, draw: where it comes from.
    """

    frames_WHQ3: U8
    other_HQ3: U8
    figure_WHQ: Bool
    people_WHQ: Bool
    xy_WJ2: F32
    confidence_WJ: F32
    skeleton: str
    points: tuple[ClipPoints, ...]
    clip_id: str
    draw: Draw


@dataclass(frozen=True, slots=True)
class Room:
    """Where the pictures of a window are written: its arrays of these names, not filled yet."""

    frames_WHQ3: U8
    other_HQ3: U8
    figure_WHQ: Bool
    people_WHQ: Bool

    @classmethod
    def of(cls, frames: int, size: tuple[int, int]) -> Room:
        """Room for so many frames. size: width and height, px."""
        shape = frames, size[1], size[0]
        return cls(
            np.empty((*shape, 3), np.uint8),
            np.empty((*shape[1:], 3), np.uint8),
            np.empty(shape, np.bool_),
            np.empty(shape, np.bool_),
        )


def cut_window(
    clip_id: str,
    video: BinaryIO,
    fps: Fraction,
    annotation: Annotation,
    draw: Draw,
    clip_frames: int,
    room: Room | None = None,
) -> TrainingWindow:
    """Decode and cut, into `room` if it is given. video: the stored MP4 file, open.

    Raises CorpusError where the video does not decode or a mask is damaged.
    """
    crop, pose, frames = draw.crop, annotation.persons[0].pose, list(draw.index_W)
    room = room or Room.of(len(frames), crop.out)
    rooms: dict[int, list[U8]] = {}
    for index, picture in zip((*frames, draw.other), (*room.frames_WHQ3, room.other_HQ3), strict=True):
        rooms.setdefault(index, []).append(picture)

    def put(index: int, y_HW: U8, u_HW: U8, v_HW: U8, matrix: str) -> None:
        first, *more = rooms[index]
        crop.cut_planes(y_HW, u_HW, v_HW, matrix, first)
        for copy in more:
            copy[:] = first

    decode_each(video, fps, rooms, put)
    main, *others = (person.mask for person in annotation.persons)
    room.people_WHQ[:] = crop.mask(main, frames, room.figure_WHQ)
    for other in others:
        room.people_WHQ[:] |= crop.mask(other, frames)
    xy_WJ2, confidence_WJ = crop.joints(pose.xy_TJ2[frames], pose.confidence_TJ[frames], pose.skeleton)
    return TrainingWindow(
        frames_WHQ3=room.frames_WHQ3,
        other_HQ3=room.other_HQ3,
        figure_WHQ=room.figure_WHQ,
        people_WHQ=room.people_WHQ,
        xy_WJ2=xy_WJ2,
        confidence_WJ=confidence_WJ,
        skeleton=pose.skeleton,
        points=_points(annotation.tracks, draw, clip_frames),
        clip_id=clip_id,
        draw=draw,
    )


def _points(tracks: Tracks, draw: Draw, clip_frames: int) -> tuple[ClipPoints, ...]:
    """Points of each clip, as many as the draw wants and the ground has; they keep their identity from clip to clip."""
    frames = list(draw.index_W)
    seen = Tracks(
        draw.crop.places(tracks.xy_NT2[:, frames]),
        tracks.visible_NT[:, frames],
        tracks.on_person_NT[:, frames],
        tracks.query_frame_N,
    )
    clips: list[ClipPoints] = []
    known: list[int] = []
    for start in range(0, len(frames) - 1, clip_frames - 1):
        end, seed = start + clip_frames, (draw.seed, start)
        chosen = choose_points(seen, start, end, draw.crop.out, max(1, draw.points), seed, known)
        first = slice(draw.points)
        clips.append(ClipPoints(chosen.xy_TN2[:, first], chosen.visible_TN[:, first], chosen.ids_N[first]))
        known = chosen.ids_N.tolist()
    return tuple(clips)
