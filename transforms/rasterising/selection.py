"""The few points that drive one clip, chosen among all tracks at the clip's first frame."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import F32, Bool
from schemas.records import Tracks

LEAST, MOST = 5, 50
"""Points per clip: 5 to 50, as a review of arXiv 2405.16393 says."""
_CANDIDATES = 400
_HEAD_START = 1.5
"""How much farther a new point must lie from the chosen ones to be taken before one that is known already."""


@dataclass(frozen=True, slots=True)
class ClipPoints:
    """xy_TN2: px. visible_TN: seen, on the frame and not on a person. ids_N: indices into the video's tracks."""

    xy_TN2: F32
    visible_TN: Bool
    ids_N: NDArray[np.int64]


def choose_points(
    tracks: Tracks,
    start: int,
    end: int,
    size: tuple[int, int],
    count: int,
    seed: tuple[int, ...],
    known: Collection[int] = (),
) -> ClipPoints:
    """At most `count` points visible at frame `start`, spread over the picture, over the frames start..end-1.

    size: width and height, px. known: ids used before, which are preferred, so that points keep their identity from
    clip to clip. Points that stay visible longer come first where they lie alike. Equal arguments choose alike.
    """
    usable_NT = usable_points(tracks, size)
    candidates = np.flatnonzero(usable_NT[:, start])
    rng = np.random.default_rng(seed)
    if len(candidates) > _CANDIDATES:
        candidates = rng.choice(candidates, _CANDIDATES, replace=False)
    lasting = usable_NT[candidates, start:end].mean(1)
    value = (0.5 + lasting) * np.where(np.isin(candidates, np.fromiter(known, np.int64)), _HEAD_START, 1.0)
    ids = candidates[_spread(tracks.xy_NT2[candidates, start], value, count, rng)]
    xy_TN2 = tracks.xy_NT2[ids, start:end].transpose(1, 0, 2)
    return ClipPoints(np.ascontiguousarray(xy_TN2), usable_NT[ids, start:end].T.copy(), ids.astype(np.int64))


def usable_points(tracks: Tracks, size: tuple[int, int]) -> Bool:
    """(N, T) bool: seen, on the frame and not on a person. size: width and height, px."""
    on_frame = ((tracks.xy_NT2 > -0.5) & (tracks.xy_NT2 < np.array(size) - 0.5)).all(-1)
    return np.asarray(tracks.visible_NT & ~tracks.on_person_NT & on_frame)


def _spread(xy_N2: F32, value_N: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Indices by farthest-point sampling, distances weighed by value; the first is drawn."""
    if len(xy_N2) <= count:
        return np.arange(len(xy_N2))
    chosen = [int(rng.integers(len(xy_N2)))]
    distance_N = np.full(len(xy_N2), np.inf)
    x_N, y_N = np.ascontiguousarray(xy_N2.T)
    while len(chosen) < count:
        right_N, down_N = x_N - x_N[chosen[-1]], y_N - y_N[chosen[-1]]
        distance_N = np.minimum(distance_N, np.sqrt(right_N * right_N + down_N * down_N))
        distance_N[chosen[-1]] = -1
        chosen.append(int(np.argmax(np.where(distance_N < 0, -1.0, distance_N * value_N))))
    return np.array(chosen)
