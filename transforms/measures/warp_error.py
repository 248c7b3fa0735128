"""Whether what is seen stays itself while it moves: a frame against the next one, moved back along the flow.

After Lai et al. (2018), "Learning blind video temporal consistency". A still video has none: read it beside the true
video's, or the track error.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from schemas.arrays import F32, U8, Bool
from transforms.measures.film import Film, frames

_LEAST_SIDE = 128
"""Smaller pictures are enlarged to this shorter side, px: the flow is made for detail of that size."""
_SHARE, _SLACK = 0.01, 0.5
"""Where flow and flow back differ by more than this share of their squares, plus px², something covers the place
(Sundaram et al. 2010, "Dense point trajectories by GPU-accelerated large displacement optical flow")."""


def warp_error(film: Film) -> float | None:
    """Mean absolute difference, 0..1, where the place is seen in both frames; None where there is no such place."""
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    errors = (_pair_error(flow, *pair) for pair in pairwise(map(_enlarged, frames(film))))
    known = [error for error in errors if error is not None]
    return float(np.mean(known)) if known else None


def _pair_error(flow: cv2.DISOpticalFlow, before: U8, after: U8) -> float | None:
    grey = [np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8) for picture in (before, after)]
    there = np.asarray(flow.calc(grey[0], grey[1], np.empty(0, np.float32)), np.float32)
    back = np.asarray(flow.calc(grey[1], grey[0], np.empty(0, np.float32)), np.float32)
    place = _grid(before.shape) + there
    seen = _seen(there, np.asarray(_sampled(back, place), np.float32), place)
    if not seen.any():
        return None
    moved = np.asarray(_sampled(after, place), np.float32)
    return float(np.abs(moved - before)[seen].mean() / 255)


def _seen(there: F32, back: F32, place: F32) -> Bool:
    """(H, W) whether flow and flow back agree, within the picture."""
    height, width = place.shape[:2]
    apart = np.square(there + back).sum(-1)
    near = apart <= _SHARE * (np.square(there).sum(-1) + np.square(back).sum(-1)) + _SLACK
    inside = ((place >= 0) & (place <= (width - 1, height - 1))).all(-1)
    return np.asarray(near & inside)


def _sampled(picture: U8 | F32, place: F32) -> cv2.typing.MatLike:
    return cv2.remap(picture, place[..., 0], place[..., 1], cv2.INTER_LINEAR)


def _grid(shape: tuple[int, ...]) -> F32:
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return np.stack([columns, rows], -1)


def _enlarged(picture: U8) -> U8:
    scale = max(1.0, _LEAST_SIDE / min(picture.shape[:2]))
    size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    if size == picture.shape[1::-1]:
        return picture
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC), np.uint8)
