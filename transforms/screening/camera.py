"""What the camera does, from points of the background that were followed over some frames.

Used alike on the short bursts of screening and on the full tracks of the annotation. Distances are in px of
the picture scaled to 360 px of its shorter side where a constant is in px.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas.arrays import F32, Bool
from schemas.scores import BACKGROUND_MOVES

F64 = NDArray[np.float64]

LEAST_POINTS = 8
"""A step in which fewer points were followed is not measured."""
_LEAST_TRACKED = 0.3
_WINDOW_S = 1 / 6
_SHORT_SIDE_PX = 360
_LEAST_FIT_POINTS = 12
_RANSAC_PX = 1.5
_RANSAC_SHARE = 0.02
_NOISE_PX = 0.5
_TRIMMED = 0.1
_PARALLAX = 0.2
_SHAKE_GROUP_S = 2.0
_SHAKE_COHERENCE = 0.4
_MEAN_RADIUS = 0.27
"""Mean distance of a picture's points from its centre, in diagonals."""


@dataclass(frozen=True, slots=True)
class PointRun:
    """Points followed over consecutive frames.

    xy_NT2: (N, T, 2) px. seen_NT: (N, T) bool, the point lies on the background and was followed to there.
    start: index of the first frame in the clip.
    """

    xy_NT2: F32
    seen_NT: Bool
    start: int


@dataclass(frozen=True, slots=True)
class CameraMotion:
    """kind: one of `schemas.scores.CAMERAS`; motion, parallax, tracked: the scores `background_*`."""

    kind: str
    motion: float | None
    parallax: float | None
    tracked: float


@dataclass(frozen=True, slots=True)
class _Window:
    """One homography: shift of the centre, and mean shift of points by zoom and rotation, all px.

    unexplained, moved: sums over points of the motion that the homography leaves, and of all motion, px.
    """

    pan: float
    zoom: float
    rotation: float
    unexplained: float
    moved: float


def window_frames(fps: Fraction) -> int:
    """Frames over which one homography is fitted: about a sixth of a second, long enough to leave the noise."""
    return max(1, round(float(fps) * _WINDOW_S))


def camera_motion(runs: Sequence[PointRun], width: int, height: int, fps: Fraction) -> CameraMotion:
    """Speed and kind of the background's motion, in pictures of width x height px.

    The speed of a step from frame to frame is the median over its points; `motion` is the median over steps.
    Windows of a sixth of a second are explained by one homography each (RANSAC); what it leaves, over noise and
    without the worst tenth of the points, is `parallax`.
    """
    shift_S2, speed_S, group_S = _steps(runs, fps)
    tracked_S = np.isfinite(speed_S)
    tracked = float(tracked_S.mean()) if len(tracked_S) else 0.0
    if tracked < _LEAST_TRACKED:
        return CameraMotion("unknown", None, None, tracked)
    motion = float(np.median(speed_S[tracked_S])) * float(fps) / width
    if motion < BACKGROUND_MOVES:
        return CameraMotion("static", motion, 0.0, tracked)
    windows = _windows(runs, width, height, fps)
    parallax = _parallax(windows)
    shaking = _shakes(shift_S2[tracked_S], speed_S[tracked_S], group_S[tracked_S])
    return CameraMotion(_kind(windows, parallax, shaking), motion, parallax, tracked)


def _steps(runs: Sequence[PointRun], fps: Fraction) -> tuple[F64, F64, NDArray[np.int64]]:
    """Per step: median shift (S, 2) and median speed (S,) over points in px, NaN if too few; and group of time."""
    shifts, speeds, groups = [np.zeros((0, 2))], [np.zeros(0)], [np.zeros(0, np.int64)]
    for run in runs:
        frames = np.arange(run.start, run.start + run.xy_NT2.shape[1] - 1)
        groups.append((frames / float(fps) / _SHAKE_GROUP_S).astype(np.int64))
        both_NS = run.seen_NT[:, 1:] & run.seen_NT[:, :-1]
        dx_NS, dy_NS = np.moveaxis(np.diff(run.xy_NT2, axis=1), 2, 0)
        shifts.append(np.stack([_median_over_points(d_NS, both_NS) for d_NS in (dx_NS, dy_NS)], axis=1))
        speeds.append(_median_over_points(np.hypot(dx_NS, dy_NS), both_NS))
    return np.concatenate(shifts), np.concatenate(speeds), np.concatenate(groups)


def _median_over_points(values_NS: F32, valid_NS: Bool) -> F64:
    """(S,) median of the valid values of each column; NaN where fewer than LEAST_POINTS are valid."""
    count_S = valid_NS.sum(axis=0)
    median_S = np.full(len(count_S), np.nan)
    enough = np.flatnonzero(count_S >= LEAST_POINTS)
    sorted_NS = np.sort(np.where(valid_NS, values_NS, np.inf)[:, enough], axis=0)
    lower, upper = (count_S[enough] - 1) // 2, count_S[enough] // 2
    columns = np.arange(len(enough))
    median_S[enough] = (sorted_NS[lower, columns].astype(np.float64) + sorted_NS[upper, columns]) / 2
    return median_S


def _shakes(shift_S2: F64, speed_S: F64, group_S: NDArray[np.int64]) -> bool:
    """Whether the picture shifts as a whole, but to and fro: little is left of the path after some seconds."""
    path = np.hypot(shift_S2[:, 0], shift_S2[:, 1]).sum()
    if path < 0.5 * speed_S.sum():
        return False
    sums = [shift_S2[group_S == group].sum(axis=0) for group in np.unique(group_S)]
    return bool(np.hypot(*np.transpose(sums)).sum() < _SHAKE_COHERENCE * path)


def _kind(windows: Sequence[_Window], parallax: float | None, shaking: bool) -> str:
    if parallax is not None and parallax >= _PARALLAX:
        return "parallax"
    if shaking:
        return "shake"
    if not windows:
        return "unknown"
    totals = {
        "pan": sum(w.pan for w in windows),
        "zoom": sum(w.zoom for w in windows),
        "rotate": sum(w.rotation for w in windows),
    }
    return max(totals, key=lambda kind: totals[kind])


def _parallax(windows: Sequence[_Window]) -> float | None:
    moved = sum(w.moved for w in windows)
    return min(1.0, sum(w.unexplained for w in windows) / moved) if moved > 0 else None


def _windows(runs: Sequence[PointRun], width: int, height: int, fps: Fraction) -> list[_Window]:
    scale = _SHORT_SIDE_PX / min(width, height)
    centre = np.array([width, height]) / 2
    radius = _MEAN_RADIUS * float(np.hypot(width, height)) * scale
    length = window_frames(fps)
    windows = []
    for run in runs:
        for start in range(0, run.xy_NT2.shape[1] - length, length):
            both_N = run.seen_NT[:, start : start + length + 1].all(axis=1)
            if both_N.sum() >= _LEAST_FIT_POINTS:
                before_N2, after_N2 = (
                    (run.xy_NT2[both_N, t].astype(np.float64) - centre) * scale for t in (start, start + length)
                )
                windows.append(_explain(before_N2, after_N2, radius))
    return [window for window in windows if window is not None]


def _explain(before_N2: F64, after_N2: F64, radius: float) -> _Window | None:
    """One homography for the motion of points given relative to the picture's centre; None if none fits."""
    moved_N = np.linalg.norm(after_N2 - before_N2, axis=1)
    threshold = _RANSAC_PX + _RANSAC_SHARE * float(np.median(moved_N))
    fit, _ = cv2.findHomography(before_N2, after_N2, cv2.RANSAC, threshold, maxIters=500, confidence=0.99)
    if fit is None or abs(fit[2, 2]) < 1e-9:
        return None
    h = np.asarray(fit, np.float64) / fit[2, 2]
    explained_N2 = cv2.perspectiveTransform(before_N2[:, None], h)[:, 0]
    left_N = np.maximum(np.linalg.norm(after_N2 - explained_N2, axis=1) - _NOISE_PX, 0)
    kept = np.argsort(left_N)[: max(1, int(len(left_N) * (1 - _TRIMMED)))]
    shift = h[:2, 2]
    jacobian = h[:2, :2] - np.outer(shift, h[2, :2])
    zoom = np.sqrt(abs(np.linalg.det(jacobian))) - 1
    rotation = np.arctan2(jacobian[1, 0] - jacobian[0, 1], np.trace(jacobian))
    return _Window(
        pan=float(np.hypot(*shift)),
        zoom=float(abs(zoom)) * radius,
        rotation=float(abs(rotation)) * radius,
        unexplained=float(left_N[kept].sum()),
        moved=float(moved_N[kept].sum()),
    )
