"""How steady an annotation is, told from itself: errors that no truth is needed to see.

Shape suffixes: T frames, S steps from frame to frame, L joints of the limbs, h, w of masks made small.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.annotators.rle import decode_mask
from schemas.arrays import Bool
from schemas.records import Mask, PersonAnnotation, Pose, Tracks
from schemas.scores import Scores
from transforms.annotation.scores import SURE_JOINT, limbs, middle

_MASK_SIDE = 128
"""Masks are compared at about this shorter side, px."""


def with_quality(scores: Scores, persons: tuple[PersonAnnotation, ...], tracks: Tracks) -> Scores:
    """Scores of the annotation's steadiness: of the tracks, and of the main person if there is one."""
    scores = replace(scores, track_round_trip=tracks.way_back_px)
    if not persons:
        return scores
    main = persons[0]
    return replace(
        scores, mask_consistency=mask_consistency(main.mask, main.pose), keypoint_jitter=keypoint_jitter(main.pose)
    )


def mask_consistency(mask: Mask, pose: Pose) -> float | None:
    """Mean IoU of the masks of neighbouring frames, the earlier one moved along with the hips.

    None if no two neighbouring frames have the person and a mask.
    """
    step = max(1, round(min(mask.height, mask.width) / _MASK_SIDE))
    shown_T = pose.present_T & (np.array(mask.area_px) > 0)
    small = {t: decode_mask(mask, t)[::step, ::step] for t in np.flatnonzero(shown_T).tolist()}
    moved_S2 = np.nan_to_num(np.diff(middle(pose, "hip"), axis=0) / step)
    ious = [
        _moved_iou(small[t], small[t + 1], *np.rint(moved_S2[t]).astype(int).tolist()) for t in small if t + 1 in small
    ]
    return float(np.mean(ious)) if ious else None


def _moved_iou(before_hw: Bool, after_hw: Bool, dx: int, dy: int) -> float:
    """IoU where the first mask, moved by whole pixels, and the second are both in the picture; 1 if both are empty."""
    height, width = before_hw.shape
    before = before_hw[max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
    after = after_hw[max(0, dy) : height - max(0, -dy), max(0, dx) : width - max(0, -dx)]
    union = np.count_nonzero(before | after)
    return np.count_nonzero(before & after) / union if union else 1.0


def keypoint_jitter(pose: Pose) -> float | None:
    """Median second difference of the sure limb joints from frame to frame, torso lengths.

    None if no joint is sure in three frames on end, or the torso is never seen.
    """
    xy_TL2, confidence_TL = limbs(pose)
    torso_T = np.linalg.norm(middle(pose, "shoulder") - middle(pose, "hip"), axis=1)
    sure_TL = (confidence_TL >= SURE_JOINT) & pose.present_T[:, None]
    bent = np.linalg.norm(np.diff(xy_TL2, n=2, axis=0), axis=2)
    known = sure_TL[2:] & sure_TL[1:-1] & sure_TL[:-2] & np.isfinite(bent)
    torso_K = torso_T[np.isfinite(torso_T)]
    if not known.any() or not len(torso_K):
        return None
    return float(np.median(bent[known]) / max(1.0, np.median(torso_K)))
