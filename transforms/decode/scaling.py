"""Planes to one working frame, scaled and turned, written straight to its place."""

from __future__ import annotations

import cv2
import numpy as np

from schemas.arrays import U8
from transforms.decode.geometry import Geometry
from transforms.decode.planes import Planes

_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def split(row: U8, width: int, height: int) -> Planes:
    """Y, U and V views of one planar frame given flat, (height * width * 3 / 2,)."""
    luma, chroma = width * height, width * height // 4
    half = (height // 2, width // 2)
    y = row[:luma].reshape(height, width)
    return y, row[luma : luma + chroma].reshape(half), row[luma + chroma :].reshape(half)


def write_working(planes: Planes, geometry: Geometry, row: U8) -> None:
    """Fill one flat planar frame at working size from the planes of a decoded frame."""
    targets = split(row, geometry.width, geometry.height)
    width, height = geometry.lying
    sizes = ((width, height), (width // 2, height // 2), (width // 2, height // 2))
    for plane, target, size in zip(planes, targets, sizes, strict=True):
        if geometry.rotation:
            scaled = np.empty(size[::-1], np.uint8)
            _resize(plane, scaled)
            cv2.rotate(scaled, _TURNS[geometry.rotation], dst=target)
        else:
            _resize(plane, target)


def _resize(plane: U8, target: U8) -> None:
    """Scale by halvings (box filter), then bilinearly: no aliasing, and each step is vectorised in OpenCV."""
    height, width = target.shape
    while plane.shape[0] >= 2 * height and plane.shape[1] >= 2 * width:
        plane = halved(plane)
    rows, columns = plane.shape
    if 0 <= rows - height <= 1 and 0 <= columns - width <= 1:
        np.copyto(target, plane[:height, :width])
    else:
        cv2.resize(plane, (width, height), dst=target, interpolation=cv2.INTER_LINEAR)


def halved(plane: U8) -> U8:
    """Mean of every 2 x 2 pixels; an odd last row or column is left out."""
    height, width = plane.shape[0] // 2, plane.shape[1] // 2
    result: U8 = cv2.resize(plane[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return result
