"""Do two pictures show the same scene? Asked of every suspected boundary, so it may cost a little."""

from __future__ import annotations

import cv2
import numpy as np

from schemas.arrays import U8, Bool

_BLOCK = 8
_TEXTURE = 4.0
"""Least standard deviation of luma that makes a block worth recognising."""
_ALIKE = 0.7
"""Least correlation of a block with its counterpart."""
_SHARE = 0.4
"""Least share of the textured blocks that must be recognised."""


def same_scene(a: U8, b: U8) -> bool:
    """True where much of one luma picture is found in the other, in place or shifted as a whole.

    Brightness and contrast do not matter: a flash, an overlay over part of the picture or a jolt of the camera
    leave the scene recognisable; another shot does not.
    """
    if _recognised(a, b) >= _SHARE:
        return True
    dx, dy = _shift(a, b)
    height, width = a.shape
    if (dx, dy) == (0, 0) or abs(dx) > width // 2 or abs(dy) > height // 2:
        return False
    return _recognised(_window(a, -dx, -dy), _window(b, dx, dy)) >= _SHARE


def _shift(a: U8, b: U8) -> tuple[int, int]:
    """Whole-pixel shift of b against a (phase correlation)."""
    window = cv2.createHanningWindow(a.shape[::-1], cv2.CV_32F)
    (dx, dy), _ = cv2.phaseCorrelate(a.astype(np.float32), b.astype(np.float32), window)
    return round(dx), round(dy)


def _window(picture: U8, dx: int, dy: int) -> U8:
    """The part that is left when the picture's content has come in by (dx, dy)."""
    height, width = picture.shape
    return picture[max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)]


def _recognised(a: U8, b: U8) -> float:
    """Share of the blocks textured in either picture that correlate."""
    x, y = _blocks(a), _blocks(b)
    x -= x.mean(axis=1, keepdims=True)
    y -= y.mean(axis=1, keepdims=True)
    sx, sy = np.sqrt((x * x).mean(axis=1)), np.sqrt((y * y).mean(axis=1))
    textured: Bool = (sx > _TEXTURE) | (sy > _TEXTURE)
    if not textured.any():
        return 0.0
    correlation = (x * y).mean(axis=1) / np.maximum(sx * sy, 1.0)
    return float((correlation[textured] > _ALIKE).mean())


def _blocks(picture: U8) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """(n, 64) float32: whole blocks of 8 x 8 px."""
    rows, columns = picture.shape[0] // _BLOCK, picture.shape[1] // _BLOCK
    whole = picture[: rows * _BLOCK, : columns * _BLOCK].astype(np.float32)
    return whole.reshape(rows, _BLOCK, columns, _BLOCK).swapaxes(1, 2).reshape(-1, _BLOCK * _BLOCK)
