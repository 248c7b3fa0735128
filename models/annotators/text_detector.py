"""Overlaid text: PP-OCR's text detector on a single picture.

Liao et al., "Real-time Scene Text Detection with Differentiable Binarization" (DB), 2020; weights of PP-OCRv4.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import cv2
import numpy as np

from models.weights import locate
from schemas.arrays import F32, U8

WEIGHTS = "ch_PP-OCRv4_det_infer.onnx"
_LONG_SIDE = 640
"""Pictures are scaled to this longer side, px; smaller text is not of interest."""
_MULTIPLE = 32
_PIXEL_THRESHOLD = 0.3
_BOX_THRESHOLD = 0.6
_UNCLIP = 1.6
"""The network draws text shrunk; boxes grow by this times area over perimeter (DB, section 3.5)."""
_LEAST_SIDE = 4


class TextDetector:
    """Finds text in pictures; the network is loaded for the first one: few clips come so far.

    Raises WeightsError if the weights cannot be fetched.
    """

    def __init__(self, threads: int = 2) -> None:
        self._threads = threads
        self._weights = locate(WEIGHTS)

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return onnxruntime.InferenceSession(str(self._weights), options, providers=["CPUExecutionProvider"])

    def area(self, rgb_HW3: U8) -> float:
        """Share of the picture, 0..1, under boxes of text; overlaps count once."""
        height, width = rgb_HW3.shape[:2]
        covered = np.zeros((height, width), np.uint8)
        for box in self.boxes(rgb_HW3):
            cv2.fillConvexPoly(covered, np.rint(box).astype(np.int32), 1)
        return float(covered.mean())

    def boxes(self, rgb_HW3: U8) -> list[F32]:
        """Corners (4, 2), px of the picture, of a turned rectangle around each line of text."""
        height, width = rgb_HW3.shape[:2]
        scale = _LONG_SIDE / max(height, width)
        w, h = (max(_MULTIPLE, round(v * scale / _MULTIPLE) * _MULTIPLE) for v in (width, height))
        small = cv2.resize(rgb_HW3, (w, h), interpolation=cv2.INTER_AREA)
        image = np.ascontiguousarray((small[..., ::-1] * np.float32(1 / 127.5) - 1).transpose(2, 0, 1)[None])
        probability = self._session.run(None, {"x": image})[0][0, 0]
        stretch = np.array([width / w, height / h], np.float32)
        return [box * stretch for box in _text_boxes(probability)]


def _text_boxes(probability_HW: F32) -> list[F32]:
    """Turned rectangles around the connected parts of a probability map, grown back to the size of the text."""
    binary = (probability_HW > _PIXEL_THRESHOLD).astype(np.uint8)
    contours, _ = cv2.findContours(binary, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    boxes = []
    for contour in contours:
        center, (width, height), angle = cv2.minAreaRect(contour)
        if min(width, height) < _LEAST_SIDE or _mean_inside(probability_HW, contour) < _BOX_THRESHOLD:
            continue
        growth = _UNCLIP * width * height / (width + height)
        boxes.append(np.asarray(cv2.boxPoints((center, (width + growth, height + growth), angle)), np.float32))
    return boxes


def _mean_inside(probability_HW: F32, contour: np.ndarray) -> float:
    x, y, w, h = cv2.boundingRect(contour)
    inside = np.zeros((h, w), np.uint8)
    cv2.fillPoly(inside, [contour - (x, y)], 1)
    return float(cv2.mean(probability_HW[y : y + h, x : x + w], inside)[0])
