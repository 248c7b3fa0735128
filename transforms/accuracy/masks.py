"""Masks against masks: region and boundary, as DAVIS measures them.

Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation", 2016.
"""

from __future__ import annotations

import cv2
import numpy as np

from models.annotators.rle import decode_mask
from schemas.arrays import Bool
from schemas.records import Mask

_TOLERANCE = 0.008
"""Distance at which boundaries still meet, over the picture's diagonal."""


def iou(a_HW: Bool, b_HW: Bool) -> float:
    """Intersection over union; 1 where both are empty."""
    union = np.count_nonzero(a_HW | b_HW)
    return float(np.count_nonzero(a_HW & b_HW) / union) if union else 1.0


def boundary_f(a_HW: Bool, b_HW: Bool) -> float:
    """F measure of the boundaries' pixels that have one of the other boundary near; 1 where both are empty."""
    outlines = [_outline(mask_HW) for mask_HW in (a_HW, b_HW)]
    if not outlines[0].any() or not outlines[1].any():
        return float(outlines[0].any() == outlines[1].any())
    reach = max(1, round(_TOLERANCE * float(np.hypot(*a_HW.shape))))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    near = [cv2.dilate(outline.view(np.uint8), disc) > 0 for outline in outlines]
    precision = float((outlines[0] & near[1]).sum() / outlines[0].sum())
    recall = float((outlines[1] & near[0]).sum() / outlines[1].sum())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def mask_accuracy(found: Mask, truth: Mask) -> tuple[float, float] | None:
    """Mean IoU and boundary F over the frames in which the truth shows something; None if it never does."""
    frames = [t for t, area in enumerate(truth.area_px) if area]
    if not frames:
        return None
    pairs = [(decode_mask(found, t), decode_mask(truth, t)) for t in frames]
    return float(np.mean([iou(a, b) for a, b in pairs])), float(np.mean([boundary_f(a, b) for a, b in pairs]))


def _outline(mask_HW: Bool) -> Bool:
    """Pixels of the mask with a neighbour outside it; the picture's border is no outline."""
    solid = cv2.erode(mask_HW.view(np.uint8), np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(mask_HW & (solid == 0), np.bool_)
