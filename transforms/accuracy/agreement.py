"""How far two annotators agree on a clip. None where they have nothing in common.

Shape suffixes: N points, T frames.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from schemas.records import Mask, Pose, Tracks
from transforms.accuracy.masks import mask_accuracy
from transforms.accuracy.poses import pck

PCK_SHARE = 0.2
"""Joints agree within this share of the torso."""
_NEIGHBOUR = 0.04
"""Points this close when they are chosen are compared, over the picture's shorter side."""


def poses_agree(a: Mapping[int, Pose], b: Mapping[int, Pose]) -> float | None:
    """Share of the joints `a` is sure of on which `b` agrees, over the persons both have."""
    return _mean([pck(b[person], a[person], PCK_SHARE) for person in a.keys() & b.keys()])


def masks_agree(a: Mapping[int, Mask], b: Mapping[int, Mask]) -> float | None:
    """Mean IoU over the persons both have and the frames in which `a` shows them."""
    pairs = [mask_accuracy(b[person], a[person]) for person in a.keys() & b.keys()]
    return _mean([None if pair is None else pair[0] for pair in pairs])


def track_distance(a: Tracks, b: Tracks, width: int, height: int) -> float | None:
    """Median difference of the ways of neighbouring points, over the picture's shorter side.

    Each point of `a` is compared with the point of `b` nearest to it in the frame it was chosen in, over the frames
    in which both are visible.
    """
    short = min(width, height)
    apart = []
    for point, start in enumerate(a.query_frame_N):
        candidates = np.flatnonzero(b.visible_NT[:, start])
        if not len(candidates):
            continue
        gap = np.linalg.norm(b.xy_NT2[candidates, start] - a.xy_NT2[point, start], axis=1)
        other = candidates[gap.argmin()]
        both_T = a.visible_NT[point] & b.visible_NT[other]
        if gap.min() <= _NEIGHBOUR * short and both_T.any():
            ways = [t.xy_NT2[n] - t.xy_NT2[n, start] for t, n in ((a, point), (b, other))]
            apart.append(np.linalg.norm(ways[0] - ways[1], axis=1)[both_T])
    return float(np.median(np.concatenate(apart)) / short) if apart else None


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
