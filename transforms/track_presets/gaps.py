"""Points for ground that a clip has none of, such as where its person stood: another picture's ground is free there.

Shape suffixes: N tracks, P points of gaps, T frames, S frames that show a point.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import F32
from schemas.records import Tracks
from transforms.rasterising.selection import usable_points

F64 = NDArray[np.float64]

_ACROSS = 10
"""Points across the picture's width, at least."""
_ROUNDS = 5
"""Fits of a point's surroundings; all after the first heed less what moves otherwise."""
_LEAST = 3
"""Points that tell how the ground between them moves."""


def fill_gaps(tracks: Tracks, size: tuple[int, int]) -> Tracks:
    """The tracks, and after them points in their gaps, from frame to frame moved as the ground around them.

    A gap is where no point is seen within a tenth of the picture's width. size: width and height, px.
    """
    usable_NT, step = usable_points(tracks, size), size[0] / _ACROSS
    lattice_P2 = np.stack(np.meshgrid(*(np.arange(step / 2, side, step) for side in size)), -1).reshape(-1, 2)
    paths: list[dict[int, F64]] = []
    seen: list[int] = []
    for t in range(usable_NT.shape[1]):
        if seen:
            both_N = usable_NT[:, t - 1] & usable_NT[:, t]
            at_P2 = np.array([paths[p][t - 1] for p in seen])
            moved_P2 = at_P2 + _motion(at_P2, tracks.xy_NT2[both_N, t - 1], tracks.xy_NT2[both_N, t], 2 * step)
            kept_P = np.asarray(((moved_P2 > -0.5) & (moved_P2 < np.array(size) - 0.5)).all(1))
            seen = [p for p, kept in zip(seen, kept_P, strict=True) if kept]
            for p, xy in zip(seen, moved_P2[kept_P], strict=True):
                paths[p][t] = xy
        there_P2 = np.concatenate([tracks.xy_NT2[usable_NT[:, t], t], [paths[p][t] for p in seen] or np.empty((0, 2))])
        for xy in lattice_P2[_nearest(lattice_P2, there_P2) > step]:
            seen.append(len(paths))
            paths.append({t: xy})
    return _with(tracks, paths)


def _motion(at_P2: F64, from_N2: F32, to_N2: F32, reach: float) -> F64:
    """(P, 2) px that ground moves at places, by the affine motion of the points around each; still where few are."""
    if len(from_N2) < _LEAST:
        return np.zeros_like(at_P2)
    away_PN2 = (from_N2 - at_P2[:, None]) / reach
    moved_N2 = (to_N2 - from_N2).astype(np.float64)
    near_PN = weight_PN = 1 / (1 + np.square(away_PN2).sum(-1)) ** 2
    design_PN3 = np.concatenate([np.ones((*away_PN2.shape[:2], 1)), away_PN2], -1)
    fitted_P32 = np.empty((len(at_P2), 3, 2))
    for _ in range(_ROUNDS):
        weighed_PN3 = design_PN3 * weight_PN[..., None]
        # A little stiffness: points on one line, or a lone one, tell of no turn and no zoom.
        normal_P33 = weighed_PN3.transpose(0, 2, 1) @ design_PN3 + np.diag([0.0, 1e-3, 1e-3])
        fitted_P32 = np.linalg.solve(normal_P33, weighed_PN3.transpose(0, 2, 1) @ moved_N2)
        off_PN = np.linalg.norm(design_PN3 @ fitted_P32 - moved_N2, axis=-1)
        typical_P1 = np.median(off_PN, axis=1, keepdims=True) + 0.1
        weight_PN = near_PN / (1 + np.square(off_PN / typical_P1)) ** 2
    return fitted_P32[:, 0]


def _nearest(of_P2: F64, to_N2: F64) -> F64:
    """(P,) distance to the nearest of some places, infinite where there are none."""
    apart_PN = np.linalg.norm(of_P2[:, None] - to_N2, axis=-1)
    return np.asarray(apart_PN.min(1, initial=np.inf))


def _with(tracks: Tracks, paths: list[dict[int, F64]]) -> Tracks:
    frames = tracks.visible_NT.shape[1]
    xy_PT2 = np.zeros((len(paths), frames, 2), np.float32)
    visible_PT = np.zeros((len(paths), frames), np.bool_)
    for p, path in enumerate(paths):
        first, xy_S2 = min(path), np.array(list(path.values()))
        xy_PT2[p] = xy_S2[np.clip(np.arange(frames) - first, 0, len(xy_S2) - 1)]
        visible_PT[p, first : first + len(xy_S2)] = True
    return Tracks(
        np.concatenate([tracks.xy_NT2, xy_PT2]),
        np.concatenate([tracks.visible_NT, visible_PT]),
        np.concatenate([tracks.on_person_NT, np.zeros_like(visible_PT)]),
        np.concatenate([tracks.query_frame_N, [min(path) for path in paths]]).astype(np.int32),
    )
