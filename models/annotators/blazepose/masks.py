"""Person masks from the landmark network's crops, on the pixels of the picture."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from models.annotators.blazepose.landmarks import MASK_EDGE, Landmarks
from models.annotators.rle import encode_mask
from schemas.arrays import F32, U8, Bool
from schemas.skeletons import BLAZEPOSE_33

_LEAST_PART = 0.05
"""Parts smaller than this share of the largest that hold no joint are dropped."""
_SURE_JOINT = 0.5


def encode_persons(found: Mapping[int, Landmarks], height: int, width: int) -> dict[int, tuple[str, int]]:
    """Run lengths and area in px of each person's mask in one frame; a pixel belongs to one person at most."""
    canvases = {person: _paint(marks, height, width) for person, marks in found.items()}
    persons = list(found)
    for i, a in enumerate(persons):
        for b in persons[i + 1 :]:
            _divide(canvases[a], canvases[b], found[a], found[b])
    return {person: encode_mask(canvas.T) for person, canvas in canvases.items()}


def _paint(marks: Landmarks, height: int, width: int) -> Bool:
    """(W, H) mask: transposed, since COCO run lengths go down the columns."""
    canvas = np.zeros((width, height), np.bool_)
    x0, y0, x1, y1 = marks.roi.bounds(height, width)
    if x1 <= x0 or y1 <= y0:
        return canvas
    side = marks.mask_SS.shape[0]
    to_crop = marks.roi.to_crop(side)
    to_crop[:, 2] += to_crop[:, :2] @ (x0, y0)
    swapped = np.ascontiguousarray(to_crop[:, [1, 0, 2]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    soft = cv2.warpAffine(_person_only(marks), swapped, (y1 - y0, x1 - x0), flags=flags)
    canvas[x0:x1, y0:y1] = soft > MASK_EDGE
    return canvas


def _person_only(marks: Landmarks) -> U8:
    """Soft mask over the crop without stray parts that hold no joint."""
    soft = marks.mask_SS
    count, labels = cv2.connectedComponents((soft > MASK_EDGE).view(np.uint8), connectivity=4)
    if count <= 2:
        return soft
    side = soft.shape[0]
    to_crop = marks.roi.to_crop(side)
    joints = marks.xy_J2[marks.confidence_J > _SURE_JOINT] @ to_crop[:, :2].T + to_crop[:, 2]
    col, row = np.clip(np.rint(joints), 0, side - 1).astype(np.int64).T
    area = np.bincount(labels.ravel(), minlength=count)
    keep = area >= _LEAST_PART * area[1:].max()
    keep[labels[row, col]] = True
    keep[0] = True
    return np.where(keep[labels], soft, 0).astype(np.uint8)


def _divide(a_WH: Bool, b_WH: Bool, a: Landmarks, b: Landmarks) -> None:
    """Give each pixel that two masks share to the person whose skeleton is nearer, in place."""
    shared = a_WH & b_WH
    if not shared.any():
        return
    low, high = _box_of(shared, a.xy_J2, b.xy_J2)
    box = np.s_[low[0] : high[0], low[1] : high[1]]
    shape = shared[box].shape
    nearer_a = _skeleton_distance(a.xy_J2, low, shape) <= _skeleton_distance(b.xy_J2, low, shape)
    b_WH[box] &= ~(shared[box] & nearer_a)
    a_WH[box] &= ~(shared[box] & ~nearer_a)


def _box_of(shared_WH: Bool, *joints: F32) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lowest and highest (x, y), the latter exclusive, of some pixels and skeletons, clipped to the picture."""
    places = np.concatenate([np.argwhere(shared_WH), *(np.rint(xy_J2).astype(np.int64) for xy_J2 in joints)])
    places = places.clip(0, np.array(shared_WH.shape) - 1)
    return places.min(0), places.max(0) + 1


def _skeleton_distance(xy_J2: F32, origin_xy: NDArray[np.int64], shape: tuple[int, ...]) -> F32:
    """Distance of the pixels of a transposed box to the bones of a skeleton, px."""
    free = np.full(shape, 255, np.uint8)
    points = np.rint(np.clip((xy_J2 - origin_xy)[:, ::-1], -20000, 20000)).astype(np.int32)
    for start, end in BLAZEPOSE_33.bones:
        cv2.line(free, points[start].tolist(), points[end].tolist(), 0, 1)
    if free.all():
        return np.full(shape, np.inf, np.float32)
    return np.asarray(cv2.distanceTransform(free, cv2.DIST_L2, 3), np.float32)
