"""Tracks of a preset or of a clip, at the size and length they are wanted."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from schemas.records import Tracks
from transforms.track_presets.camera import CAMERA_PATHS, F64, camera_path

PRESETS = tuple(CAMERA_PATHS)
_ACROSS = 10
"""Points across the picture's width."""


def preset_tracks(
    name: str, frames: int, width: int, height: int, fps: Fraction, seed: int = 0, strength: float = 1.0
) -> Tracks:
    """Tracks of a grid fixed to still ground, as a virtual camera sees it; points leave and enter the frame.

    strength: factor on the camera's motion. Raises KeyError for a name that is not in PRESETS.
    """
    times_s = np.arange(frames) / float(fps)
    maps_T33 = camera_path(name, times_s, width, height, seed, strength)
    ground_N2 = _lattice(maps_T33, width, height)
    xy_NT3 = np.einsum("tij,nj->nti", maps_T33, np.append(ground_N2, np.ones((len(ground_N2), 1)), 1))
    xy_NT2 = xy_NT3[..., :2] / xy_NT3[..., 2:]
    visible_NT = ((xy_NT2 >= 0) & (xy_NT2 <= (width - 1, height - 1))).all(-1)
    seen_N = visible_NT.any(1)
    xy_NT2, visible_NT = xy_NT2[seen_N], visible_NT[seen_N]
    first_N = visible_NT.argmax(1).astype(np.int32)
    return Tracks(xy_NT2.astype(np.float32), visible_NT, np.zeros_like(visible_NT), first_N)


def _lattice(maps_T33: F64, width: int, height: int) -> F64:
    """(N, 2) places of the ground, in the first frame's px, wherever any frame looks."""
    corners = np.array([(x, y, 1.0) for x in (0, width) for y in (0, height)])
    seen = np.einsum("tij,cj->tci", np.linalg.inv(maps_T33), corners).reshape(-1, 3)
    low, high = (seen[:, :2] / seen[:, 2:]).min(0), (seen[:, :2] / seen[:, 2:]).max(0)
    step = width / _ACROSS
    x, y = (np.arange(np.floor(a / step), np.ceil(b / step)) * step + step / 2 for a, b in zip(low, high, strict=True))
    return np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)


def transfer_tracks(tracks: Tracks, size: tuple[int, int], target: tuple[int, int]) -> Tracks:
    """Tracks of a clip of one size on a picture of another: enlarged alike in both directions until they cover it.

    size, target: width and height, px. Points outside the target are not visible.
    """
    factor = max(target[0] / size[0], target[1] / size[1])
    middle, new_middle = (np.array([(w - 1) / 2, (h - 1) / 2]) for w, h in (size, target))
    xy_NT2 = ((tracks.xy_NT2 - middle) * factor + new_middle).astype(np.float32)
    on_frame = ((xy_NT2 > -0.5) & (xy_NT2 < np.array(target) - 0.5)).all(-1)
    return replace(tracks, xy_NT2=xy_NT2, visible_NT=tracks.visible_NT & on_frame)


def retime(frames: int, fps: Fraction, wanted: int, wanted_fps: Fraction) -> NDArray[np.int64]:
    """(wanted,) frame of a clip to show at each tick of another clock; a clip that ends goes back the way it came."""
    if frames == 1:
        return np.zeros(wanted, np.int64)
    tick = np.floor(np.arange(wanted) * float(fps / wanted_fps) + 0.5).astype(np.int64)
    phase = tick % (2 * (frames - 1))
    return np.asarray(np.minimum(phase, 2 * (frames - 1) - phase), np.int64)


def retime_tracks(tracks: Tracks, index_T: NDArray[np.int64]) -> Tracks:
    """Tracks shown at given frames; the query frame is the first that shows the point."""
    visible_NT = tracks.visible_NT[:, index_T]
    return Tracks(
        tracks.xy_NT2[:, index_T],
        visible_NT,
        tracks.on_person_NT[:, index_T],
        visible_NT.argmax(1).astype(np.int32),
    )
