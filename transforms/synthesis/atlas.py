"""All pictures of a scene side by side in one, so that a renderer can sample any of them from one array."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from schemas.arrays import I64, U8, Bool


def pack(pictures: Sequence[U8], mirrored_K: Bool) -> tuple[U8, I64]:
    """(H, W, 4) atlas, and (K, 4) x, y, width, height of each picture in it.

    Every picture has a border of one pixel: transparent, or its own edge again if it is mirrored.
    """
    width = max(picture.shape[1] for picture in pictures) + 2
    place_K4, x, y, shelf = np.zeros((len(pictures), 4), np.int64), 0, 0, 0
    for k in sorted(range(len(pictures)), key=lambda k: -pictures[k].shape[0]):
        h, w = pictures[k].shape[:2]
        if x + w + 2 > width:
            x, y = 0, y + shelf
        if x == 0:
            shelf = h + 2
        place_K4[k] = (x + 1, y + 1, w, h)
        x += w + 2
    atlas = np.zeros((y + shelf, width, 4), np.uint8)
    for picture, mirrored, (px, py, w, h) in zip(pictures, mirrored_K, place_K4, strict=True):
        border = cv2.BORDER_REPLICATE if mirrored else cv2.BORDER_CONSTANT
        bordered = cv2.copyMakeBorder(picture, 1, 1, 1, 1, border, value=(0, 0, 0, 0))
        atlas[py - 1 : py + h + 1, px - 1 : px + w + 1] = bordered
    return atlas, place_K4
