"""How far the ground of a whole video, however long, moves from the tracks that drove it.

Piece by piece: points are chosen anew at the first frame of each, as the renderer does, so that none has to be followed
farther than it can be. Shape suffixes: T frames, N points, H rows, W columns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from schemas.arrays import U8, Bool
from schemas.records import Tracks
from transforms.measures.track_error import still_error, track_error
from transforms.rasterising.selection import choose_points

PIECE = 16
"""Frames."""
_POINTS = 100
_SIDE = 256
_LEAST_MOTION_PX = 0.5
_CLEAR = 0.02
"""Points so near to the person, over the shorter side, are left out: the tracker's window would see the person."""


@dataclass(frozen=True, slots=True)
class GroundError:
    """error: mean distance between where the tracks say points are and where they are found. still: the same of
    ground that does not move at all, the measure's unit. Both in px at a shorter side of 256. places: compared.
    """

    error: float
    still: float
    places: int

    @property
    def ratio(self) -> float | None:
        """0 right, 1 as wrong as ground that stands still; None where the tracks hardly move."""
        return self.error / self.still if self.still >= _LEAST_MOTION_PX else None


def ground_error(luma_THW: U8, tracks: Tracks, people_THW: Bool | None = None) -> GroundError | None:
    """Of a video and its driving tracks, px of its pictures; None where no point of the ground can be compared.

    people: where the video shows persons; points there, and from there on, are left out.
    """
    frames, (height, width) = len(luma_THW), luma_THW.shape[1:]
    if people_THW is not None:
        tracks = _hidden_by(tracks, people_THW, round(_CLEAR * min(height, width)))
    total = np.zeros(3)
    for start in range(0, max(1, frames - 1), PIECE - 1):
        end = min(start + PIECE, frames)
        points = choose_points(tracks, start, end, (width, height), _POINTS, (start,))
        shown_TN = np.logical_and.accumulate(points.visible_TN, 0)
        places = int(shown_TN[1:].sum())
        if places:
            error = track_error(luma_THW[start:end], points.xy_TN2, shown_TN)
            total += places * np.array([error, still_error(points.xy_TN2, shown_TN), 1.0])
    if not total[2]:
        return None
    scale = _SIDE / min(height, width)
    return GroundError(float(scale * total[0] / total[2]), float(scale * total[1] / total[2]), int(total[2]))


def _hidden_by(tracks: Tracks, people_THW: Bool, clear_px: int) -> Tracks:
    """Tracks that know of the persons that the video shows, too."""
    frames, height, width = people_THW.shape
    xy_NT2 = np.nan_to_num(tracks.xy_NT2[:, :frames]).round().astype(np.int64)
    column_NT, row_NT = xy_NT2[..., 0].clip(0, width - 1), xy_NT2[..., 1].clip(0, height - 1)
    around = np.ones((2 * clear_px + 1,) * 2, np.uint8)
    grown_THW = np.stack([cv2.dilate(people.view(np.uint8), around) for people in people_THW]) > 0
    covered_NT = grown_THW[np.arange(frames), row_NT, column_NT]
    return replace(
        tracks,
        xy_NT2=tracks.xy_NT2[:, :frames],
        visible_NT=tracks.visible_NT[:, :frames],
        on_person_NT=tracks.on_person_NT[:, :frames] | covered_NT,
    )
