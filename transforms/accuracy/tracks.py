"""Point tracks against the truth, by TAP-Vid's protocol.

Doersch et al., "TAP-Vid: A Benchmark for Tracking Any Point in a Video", 2022: queried at their first frame, judged in
the frames after it, places scaled to a picture of 256 x 256 px. Shape suffixes: N points, T frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from schemas.arrays import Bool
from schemas.records import Tracks

THRESHOLDS_PX = (1, 2, 4, 8, 16)
_SIDE = 256


@dataclass(frozen=True, slots=True)
class TrackAccuracy:
    """All 0..1; None where there is nothing to judge.

    average_jaccard: true positives over true positives, misses and false positives, mean over the thresholds.
    delta_average: share of the visible points placed within the thresholds, mean over them, whether or not they are
    called visible. occlusion_accuracy: share of right calls. visible_precision: share of the points called visible
    that are visible and within 8 px. points: judged.
    """

    average_jaccard: float | None
    delta_average: float | None
    occlusion_accuracy: float | None
    visible_precision: float | None
    points: int


def track_accuracy(found: Tracks, truth: Tracks, width: int, height: int) -> TrackAccuracy:
    """Accuracy of tracks whose points are those of the truth, in order. width, height: of the picture, px."""
    scale = np.array([_SIDE / width, _SIDE / height], np.float64)
    distance_NT = np.linalg.norm((found.xy_NT2.astype(np.float64) - truth.xy_NT2) * scale, axis=-1)
    judged_NT = np.arange(distance_NT.shape[1]) > truth.query_frame_N[:, None]
    seen_NT, called_NT = truth.visible_NT & judged_NT, found.visible_NT & judged_NT
    within = [distance_NT < threshold for threshold in THRESHOLDS_PX]
    return TrackAccuracy(
        average_jaccard=_mean([_jaccard(near_NT, seen_NT, called_NT) for near_NT in within]),
        delta_average=_mean([_share(near_NT & seen_NT, seen_NT) for near_NT in within]),
        occlusion_accuracy=_share((seen_NT == called_NT) & judged_NT, judged_NT),
        visible_precision=_share(called_NT & seen_NT & (distance_NT < 8), called_NT),
        points=int(judged_NT.any(1).sum()),
    )


def _jaccard(near_NT: Bool, seen_NT: Bool, called_NT: Bool) -> float | None:
    right = (near_NT & seen_NT & called_NT).sum()
    wrong = (called_NT & ~(near_NT & seen_NT)).sum()
    total = seen_NT.sum() + wrong
    return float(right / total) if total else None


def _share(part: Bool, whole: Bool) -> float | None:
    count = int(whole.sum())
    return float(part.sum() / count) if count else None


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
