"""BlazePose's landmark network: joints, presence and mask of the one person inside a crop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.annotators.blazepose.picture import Picture
from models.annotators.blazepose.roi import Roi
from models.annotators.litert import LiteRtNetwork, sigmoid
from models.weights import locate
from schemas.arrays import F32, U8

WEIGHTS = "pose_landmark_full.tflite"
JOINTS = 33
_ALIGNMENT = 2
"""Two more points follow the joints: hip centre and rim of the person's circle."""
MASK_EDGE = 127
"""Soft masks are person above this value."""
_LOGIT_RANGE = 4.0
"""Mask logits are clipped here, so that an enlarged mask has its edge where the network is undecided."""
_SAME_PERSON = 0.15
"""Mean distance of joints, over the side of the region, below which two finds are one person."""
_REFINE_REACH = 3
_REFINE_CONFIDENCE = 0.5


@dataclass(frozen=True, slots=True)
class Landmarks:
    """One person in one frame.

    xy_J2: (33, 2) px of the picture. confidence_J: (33,) probability that the joint is inside the crop and not
    hidden: sigmoid(visibility) * sigmoid(presence) as the network gives them. The network is over-confident about
    facial joints of a person seen from behind.
    presence: 0..1, that there is a person. mask_SS: (256, 256) uint8 over the crop `roi`, soft, the edge at 127.5.
    next_roi: where to look for the person in the next frame.
    """

    xy_J2: F32
    confidence_J: F32
    presence: float
    mask_SS: U8
    roi: Roi
    next_roi: Roi

    @property
    def area_px(self) -> float:
        """Pixels of the picture under the mask, as far as the crop reaches."""
        return float(np.count_nonzero(self.mask_SS > MASK_EDGE)) * float(self.roi.size / self.mask_SS.shape[0]) ** 2

    def distance_to(self, other: Landmarks) -> float:
        """Mean distance of the joints of two finds, px."""
        return float(np.linalg.norm(self.xy_J2 - other.xy_J2, axis=1).mean())

    def is_same_person(self, other: Landmarks) -> bool:
        """Whether two finds in one frame are one person: their joints lie on each other."""
        return bool(self.distance_to(other) < _SAME_PERSON * min(self.next_roi.size, other.next_roi.size))


class LandmarkNetwork:
    """Landmarks of the person inside a region."""

    def __init__(self, threads: int) -> None:
        self._network = LiteRtNetwork(locate(WEIGHTS), threads)

    def __call__(self, picture: Picture, roi: Roi) -> Landmarks:
        """Look into one region of a picture."""
        side = self._network.side
        to_crop = roi.to_crop(side)
        outputs = self._network(np.asarray(picture.crop(roi, side) * np.float32(1 / 255), np.float32))
        points: F32 = outputs["Identity"].reshape(-1, 5)[: JOINTS + _ALIGNMENT]
        refined = _refine(points[:, :2] / np.float32(side), outputs["Identity_3"][..., : JOINTS + _ALIGNMENT]) * side
        # The inverse of a turn and a scale is its transpose over the scale's square.
        xy = ((refined - 0.5 - to_crop[:, 2]) @ to_crop[:, :2] * (roi.size / side) ** 2).astype(np.float32)
        confidence = sigmoid(points[:JOINTS, 3]) * sigmoid(points[:JOINTS, 4])
        next_roi = Roi.from_alignment(xy[JOINTS] + 0.5, xy[JOINTS + 1] + 0.5)
        soft = np.clip(outputs["Identity_2"][..., 0] * (127.5 / _LOGIT_RANGE) + 127.5, 0, 255).astype(np.uint8)
        return Landmarks(xy[:JOINTS], confidence, float(outputs["Identity_1"][0]), soft, roi, next_roi)


def _refine(xy_K2: F32, heatmap_hwK: F32) -> F32:
    """Centre of mass of each point's heatmap around the regressed place, where the heatmap is sure (as MediaPipe).

    xy_K2: 0..1; heatmap_hwK: logits.
    """
    height, width, count = heatmap_hwK.shape
    reach = np.arange(-_REFINE_REACH, _REFINE_REACH + 1)
    col = (xy_K2[:, 0] * width).astype(np.int64)[:, None] + reach
    row = (xy_K2[:, 1] * height).astype(np.int64)[:, None] + reach
    inside = ((row >= 0) & (row < height))[:, :, None] & ((col >= 0) & (col < width))[:, None, :]
    rows, cols = np.clip(row, 0, height - 1), np.clip(col, 0, width - 1)
    logits = heatmap_hwK[rows[:, :, None], cols[:, None, :], np.arange(count)[:, None, None]]
    weight = sigmoid(logits) * inside
    total = weight.sum((1, 2)) + 1e-9
    mean_x = (weight.sum(1) * cols).sum(1) / total / width
    mean_y = (weight.sum(2) * rows).sum(1) / total / height
    sure = weight.max((1, 2)) >= _REFINE_CONFIDENCE
    return np.where(sure[:, None], np.stack([mean_x, mean_y], axis=1), xy_K2).astype(np.float32)
