"""Person masks by MediaPipe's selfie segmentation network, run on the surroundings of each person."""

from __future__ import annotations

import cv2
import numpy as np

from models.annotators.base import TrackedPerson
from models.annotators.litert import LiteRtNetwork
from models.annotators.pixels import rgb_frame
from models.annotators.rle import encode_mask
from models.weights import REGISTRY, locate
from schemas.arrays import F32, U8, Bool
from schemas.records import Annotator, Frames, Mask

WEIGHTS = "selfie_segmentation.tflite"
_MARGIN = 0.25
"""How far the crop reaches beyond the joints, over the longer side of their box."""
_SURE_JOINT = 0.5


class SelfieMask:
    """Mask annotator on CPU; weights are fetched on first use. Raises WeightsError if they cannot be."""

    def __init__(self, threads: int = 2) -> None:
        self._network = LiteRtNetwork(locate(WEIGHTS), threads)

    @property
    def identity(self) -> Annotator:
        """Name and weights digest."""
        return Annotator("selfie", REGISTRY[WEIGHTS].sha256)

    def annotate(self, frames: Frames, persons: tuple[TrackedPerson, ...]) -> tuple[Mask, ...]:
        """One mask track per person; a pixel two persons claim is the one's whose joint is nearer."""
        rows: list[list[tuple[str, int]]] = [[] for _ in persons]
        for frame in range(len(frames)):
            picture = rgb_frame(frames, frame) if any(p.pose.present_T[frame] for p in persons) else None
            masks = [self._mask(picture, p, frame, frames) for p in persons]
            _divide(masks, [p.pose.xy_TJ2[frame] for p in persons])
            for row, mask in zip(rows, masks, strict=True):
                row.append(encode_mask(mask))
        size = (frames.width, frames.height)
        return tuple(Mask(tuple(r for r, _ in row), tuple(a for _, a in row), *size) for row in rows)

    def _mask(self, picture: U8 | None, person: TrackedPerson, frame: int, frames: Frames) -> Bool:
        mask = np.zeros((frames.height, frames.width), np.bool_)
        if picture is None or not person.pose.present_T[frame]:
            return mask
        x0, y0, x1, y1 = _crop_box(person.pose.xy_TJ2[frame], person.pose.confidence_TJ[frame], mask.shape)
        if x1 <= x0 or y1 <= y0:
            return mask
        side = self._network.side
        crop = cv2.resize(picture[y0:y1, x0:x1], (side, side), interpolation=cv2.INTER_AREA)
        soft = self._network(crop * np.float32(1 / 255))["activation_10"][..., 0]
        mask[y0:y1, x0:x1] = cv2.resize(soft, (x1 - x0, y1 - y0)) > 0.5
        return mask


def _crop_box(xy_J2: F32, confidence_J: F32, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 px of a box with a margin around the sure joints, clipped to the frame."""
    sure = confidence_J > _SURE_JOINT
    points = xy_J2[sure] if sure.any() else xy_J2
    low, high = points.min(0), points.max(0)
    margin = _MARGIN * float((high - low).max())
    limit = np.array([shape[1], shape[0]])
    x0, y0 = np.clip(np.floor(low - margin), 0, limit).astype(int).tolist()
    x1, y1 = np.clip(np.ceil(high + margin), 0, limit).astype(int).tolist()
    return x0, y0, x1, y1


def _divide(masks: list[Bool], joints: list[F32]) -> None:
    """Give pixels that several masks claim to the person with the nearest joint, in place."""
    if len(masks) < 2:
        return
    rows, cols = np.nonzero(np.sum(masks, axis=0) > 1)
    if not len(rows):
        return
    places = np.stack([cols, rows], axis=1)[:, None]
    nearest = np.array([np.full(len(rows), np.inf) for _ in joints])
    for i, xy_J2 in enumerate(joints):
        if np.isfinite(xy_J2).all():
            nearest[i] = np.linalg.norm(places - xy_J2, axis=2).min(1)
    owner = nearest.argmin(0)
    for i, mask in enumerate(masks):
        mask[rows, cols] &= owner == i
