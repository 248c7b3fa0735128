"""TAP-Vid: point tracks with their video, one .npz a clip, without pickles.

<split>/<clip id>.npz
    video (T, 256, 256, 3) uint8      the size at which TAP-Vid is evaluated
    points (N, T, 2) float32          x, y in 0..1 of the picture's edges, as in TAP-Vid
    occluded (N, T) bool
    on_person (N, T) bool             ours: a person covers the place
    query_frame (N,) int32            ours: frame at which each point was chosen
    fps, width, height                of the clip; x * width - 0.5 is the place in its px, centres at integers
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from pipelines.export.arrays import npz
from pipelines.export.base import Format, Unit, Written, put
from schemas.arrays import U8

_SIDE_PX = 256


class TapVid(Format):
    """See the module."""

    name = "tapvid"
    about = "TAP-Vid point tracks with 256 px video, as .npz"

    def write(self, unit: Unit, out: Path) -> Written:
        """The file of a clip."""
        (item,) = unit.items
        media, tracks = item.clip.media(), item.clip.annotation().tracks
        arrays = {
            "video": _small(item.clip.rgb()),
            "points": ((tracks.xy_NT2 + 0.5) / (media.width, media.height)).astype(np.float32),
            "occluded": ~tracks.visible_NT,
            "on_person": tracks.on_person_NT,
            "query_frame": tracks.query_frame_N,
            "fps": np.float64(media.fps),
            "width": np.int32(media.width),
            "height": np.int32(media.height),
        }
        name = put(out, f"{item.split}/{item.clip.clip_id}.npz", npz(arrays))
        return Written(({},), (name,))


def _small(rgb_THW3: U8) -> U8:
    size = (_SIDE_PX, _SIDE_PX)
    return np.stack([np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8) for rgb in rgb_THW3])
