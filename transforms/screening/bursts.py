"""Background points followed over short bursts of frames: enough to see the camera move, at little cost."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from models.annotators.lucas_kanade.flow import follow
from schemas.arrays import F32, U8
from schemas.records import Frames
from transforms.pixels import sample_indices
from transforms.screening.camera import PointRun, window_frames

_SHORT_SIDE_PX = 256
_POINTS = 80
_CORNER_QUALITY = 0.01
_ROUND_TRIP_PX = 0.7
_BURSTS_PER_S = 1.0
_LEAST_BURSTS = 4
_BOX_GROWTH = 0.2


def background_bursts(frames: Frames, boxes: Mapping[int, F32]) -> list[PointRun]:
    """Points outside the persons, followed over a sixth of a second once a second, at least four times.

    boxes: (P, 4) xyxy px of the persons found at some frames; a burst keeps clear of those of the frame nearest
    to it. Positions come back in px of the frames.
    """
    length = window_frames(frames.fps) + 1
    count = max(_LEAST_BURSTS, round(len(frames) / float(frames.fps) * _BURSTS_PER_S))
    runs = []
    for middle in sample_indices(len(frames), count):
        start = max(0, min(middle - length // 2, len(frames) - length))
        nearest = min(boxes, key=lambda index: abs(index - middle), default=None)
        persons = boxes[nearest] if nearest is not None else np.zeros((0, 4), np.float32)
        runs.append(_burst(frames, start, min(length, len(frames) - start), persons))
    return runs


def _burst(frames: Frames, start: int, length: int, boxes_P4: F32) -> PointRun:
    scale = min(1.0, _SHORT_SIDE_PX / min(frames.width, frames.height))
    before = _small(frames, start, scale)
    xy_N2 = _corners(before, boxes_P4 * scale)
    if not len(xy_N2):
        return PointRun(np.zeros((0, length, 2), np.float32), np.zeros((0, length), np.bool_), start)
    places, seen = [xy_N2], [np.ones(len(xy_N2), np.bool_)]
    for index in range(start + 1, start + length):
        after = _small(frames, index, scale)
        place_N2, confirmed_N = follow(before, after, places[-1], _ROUND_TRIP_PX)
        places.append(place_N2)
        seen.append(seen[-1] & confirmed_N)
        before = after
    return PointRun(np.stack(places, axis=1) / np.float32(scale), np.stack(seen, axis=1), start)


def _small(frames: Frames, index: int, scale: float) -> U8:
    luma_HW = frames.luma_THW[index]
    if scale == 1.0:
        return np.ascontiguousarray(luma_HW)
    return np.asarray(cv2.resize(luma_HW, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR), np.uint8)


def _corners(luma_HW: U8, boxes_P4: F32) -> F32:
    """(N, 2) corners spread over the picture outside the boxes, which are grown a little."""
    height, width = luma_HW.shape
    free_HW = np.full((height, width), 255, np.uint8)
    for left, top, right, bottom in boxes_P4:
        dx, dy = (right - left) * _BOX_GROWTH, (bottom - top) * _BOX_GROWTH
        free_HW[max(0, int(top - dy)) : max(0, int(bottom + dy)), max(0, int(left - dx)) : max(0, int(right + dx))] = 0
    spread = np.sqrt(height * width / _POINTS) / 2
    found = cv2.goodFeaturesToTrack(luma_HW, _POINTS, _CORNER_QUALITY, spread, mask=free_HW)
    return np.zeros((0, 2), np.float32) if found is None else found.reshape(-1, 2).astype(np.float32)
