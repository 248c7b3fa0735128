"""Text laid over the picture: captions, logos, slides."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from models.annotators.pixels import rgb_frame
from models.annotators.text_detector import TextDetector
from schemas.records import Frames
from transforms.pixels import sample_indices

_SAMPLES = 3
_GRID = 4
"""Boxes are drawn on a grid of this many px."""


def text_area(detector: TextDetector, frames: Frames) -> float:
    """Share of the picture, 0..1, that lies under text in most of three frames spread over the clip.

    Signs in the scene leave their place when the camera moves, and then do not count.
    """
    cells = np.zeros((-(-frames.height // _GRID), -(-frames.width // _GRID)), np.uint8)
    most = _SAMPLES // 2 + 1
    for done, index in enumerate(sample_indices(len(frames), _SAMPLES)):
        if cells.max() + _SAMPLES - done < most:
            break  # no place can be covered often enough any more
        cells += _covered(detector.boxes(rgb_frame(frames, index)), cells.shape)
    return float((cells >= most).mean())


def _covered(boxes: Sequence[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    covered = np.zeros(shape, np.uint8)
    for box in boxes:
        cv2.fillConvexPoly(covered, np.rint(box / _GRID).astype(np.int32), 1)
    return covered
