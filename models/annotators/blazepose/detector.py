"""BlazePose's person detector: a single-shot detector over a letterboxed picture of 224 px."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from models.annotators.blazepose.roi import Roi
from models.annotators.litert import LiteRtNetwork, sigmoid
from models.weights import locate
from schemas.arrays import F32, U8

WEIGHTS = "pose_detection.tflite"
_STRIDES_AND_ANCHORS = ((8, 2), (16, 2), (32, 6))
"""Feature map strides and anchors per cell; with 224 px they give 2,254 anchors."""
_SAME_BOX = 0.3
"""Boxes overlapping more are one candidate."""


_TILE_ASPECT = 1.2
"""Pictures longer than this, over their shorter side, are also searched in square tiles."""
_TILE_STRIDE = 0.75
"""Tiles are at most so far apart, over their side."""
_TILE_DOUBT = 0.2
"""Tiles show more places that resemble a person: their scores must cover this share of the way to 1 as well."""


@dataclass(frozen=True, slots=True)
class View:
    """A part of the picture shown to the detector, px; `strict` for tiles."""

    x: int
    y: int
    width: int
    height: int
    strict: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person the detector proposes: where the landmark network should look, and the detector's score."""

    roi: Roi
    score: float


class PersonDetector:
    """Proposes persons. One thread: two cost twice the CPU time and save nothing in this small network."""

    def __init__(self, threshold: float) -> None:
        self._network = LiteRtNetwork(locate(WEIGHTS), threads=1)
        self._threshold = threshold
        self._anchors_A2 = _anchors(self._network.side)

    def __call__(self, rgb_HW3: U8, view: View) -> list[Candidate]:
        """Candidates in one view of the picture, by falling score."""
        part = rgb_HW3[view.y : view.y + view.height, view.x : view.x + view.width]
        side = self._network.side
        picture, scale, offset = _letterbox(part, side)
        outputs = self._network(picture)
        score_A = sigmoid(outputs["Identity_1"][:, 0])
        chosen = score_A > self._threshold + view.strict * _TILE_DOUBT * (1 - self._threshold)
        raw = outputs["Identity"][chosen].reshape(-1, 6, 2) / side
        anchors = self._anchors_A2[chosen]
        center, size, points = raw[:, 0] + anchors, raw[:, 1], raw[:, 2:4] + anchors[:, None]
        boxes = np.concatenate([center - size / 2, center + size / 2], axis=1)
        corner = np.array([view.x, view.y], np.float32)
        places: F32 = ((points * side - offset) / scale + corner).astype(np.float32)
        merged = _merge(boxes, places, score_A[chosen])
        return [Candidate(Roi.from_alignment(*alignment), score) for alignment, score in merged]


def views(height: int, width: int) -> tuple[View, ...]:
    """The whole picture and, if it is long, square tiles over it: small persons are lost in the small picture."""
    whole = View(0, 0, width, height, strict=False)
    side, long = min(height, width), max(height, width)
    if long < _TILE_ASPECT * side:
        return (whole,)
    count = 1 + int(np.ceil((long - side) / (_TILE_STRIDE * side)))
    starts = [round(i * (long - side) / (count - 1)) for i in range(count)]
    across = width > height
    return (whole, *(View(s if across else 0, 0 if across else s, side, side, strict=True) for s in starts))


def _anchors(side: int) -> F32:
    """(A, 2) centres of the anchors in 0..1, row by row, stride by stride."""
    centers = []
    for stride, repeats in _STRIDES_AND_ANCHORS:
        cells = side // stride
        y, x = np.mgrid[:cells, :cells]
        cell_centers = (np.stack([x.ravel(), y.ravel()], axis=1) + 0.5) / cells
        centers.append(np.repeat(cell_centers, repeats, axis=0))
    return np.concatenate(centers).astype(np.float32)


def _letterbox(rgb_HW3: U8, side: int) -> tuple[F32, float, F32]:
    """Picture of side x side in -1..1, its scale and the offset of its content, px."""
    height, width = rgb_HW3.shape[:2]
    scale = side / max(height, width)
    small = cv2.resize(rgb_HW3, (max(1, round(width * scale)), max(1, round(height * scale))))
    y, x = (side - small.shape[0]) // 2, (side - small.shape[1]) // 2
    canvas = np.full((side, side, 3), -1.0, np.float32)
    canvas[y : y + small.shape[0], x : x + small.shape[1]] = small * np.float32(1 / 127.5) - 1.0
    return canvas, scale, np.array([x, y], np.float32)


def _merge(boxes_K4: F32, points_K22: F32, score_K: F32) -> list[tuple[F32, float]]:
    """Weighted non-maximum suppression: score-weighted mean points of each group of overlapping boxes."""
    order = np.argsort(-score_K, kind="stable")
    merged = []
    while len(order):
        same = _iou(boxes_K4[order[0]], boxes_K4[order]) > _SAME_BOX
        same[0] = True
        group = order[same]
        merged.append((np.average(points_K22[group], axis=0, weights=score_K[group]), float(score_K[order[0]])))
        order = order[~same]
    return merged


def _iou(box_4: F32, boxes_K4: F32) -> F32:
    low, high = np.maximum(box_4[:2], boxes_K4[:, :2]), np.minimum(box_4[2:], boxes_K4[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    area, areas = np.prod(box_4[2:] - box_4[:2]), np.prod(boxes_K4[:, 2:] - boxes_K4[:, :2], axis=1)
    return np.asarray(shared / (area + areas - shared + 1e-9), np.float32)
