"""COCO run-length masks."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from pycocotools import mask as coco

from schemas.arrays import Bool
from schemas.records import Mask


def encode_mask(mask_HW: Bool) -> tuple[str, int]:
    """Compressed COCO counts and area in px of a (H, W) bool mask."""
    rle = coco.encode(np.asfortranarray(mask_HW, dtype=np.uint8))
    return rle["counts"].decode("ascii"), int(coco.area(rle))


def decode_mask(mask: Mask, frame: int) -> Bool:
    """(H, W) bool mask of one frame."""
    rle = {"size": [mask.height, mask.width], "counts": mask.rle[frame].encode("ascii")}
    return np.asarray(coco.decode(rle), np.uint8).view(np.bool_)


def union_mask(masks: Iterable[Mask], frame: int, height: int, width: int) -> Bool:
    """(H, W) bool union of several persons' masks in one frame; all False without persons."""
    union = np.zeros((height, width), np.bool_)
    for mask in masks:
        union |= decode_mask(mask, frame)
    return union
