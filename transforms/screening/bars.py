"""Letterbox and pillarbox bars: finding and cropping.

A bar is a border of the picture that is black, flat and unchanging over all sampled frames, has a partner of
about its depth on the other side, and ends in a straight edge. Night skies, dark stages and door frames fail
at least one of these, so they stay.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from schemas.arrays import U8, Bool
from schemas.records import Frames

BLACK_LUMA = 30
"""Brightest luma inside a bar: 16 is black in limited range, the rest is coding noise."""
_FLICKER_LUMA = 8
_EDGE_LUMA = 10
_EDGE_SHARE = 0.3
_LINE_SHARE = 0.99
_LEAST_DEPTH = 0.01
_SYMMETRY = 0.25
_MARGIN_PX = 2


@dataclass(frozen=True, slots=True)
class Box:
    """A crop with even offsets and sizes, px; right and bottom exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Width in px."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Height in px."""
        return self.bottom - self.top


def find_bars(luma_KHW: U8) -> Box:
    """The picture without its bars, from (K, H, W) luma of frames spread over the clip."""
    peak_HW = luma_KHW.max(axis=0)
    flat_HW = (peak_HW <= BLACK_LUMA) & (peak_HW - luma_KHW.min(axis=0) <= _FLICKER_LUMA)
    top, bottom = _span(flat_HW, peak_HW)
    left, right = _span(flat_HW[top:bottom].T, peak_HW[top:bottom].T)
    return Box(left, top, right, bottom)


def _span(flat_LM: Bool, peak_LM: U8) -> tuple[int, int]:
    """First and end line of the picture between two bars of lines; all lines if there are no bars."""
    lines = flat_LM.shape[0]
    picture = np.flatnonzero(flat_LM.mean(axis=1) < _LINE_SHARE)
    if not len(picture):
        return 0, lines
    before, after = int(picture[0]), lines - 1 - int(picture[-1])
    symmetric = min(before, after) >= max(2, _LEAST_DEPTH * lines) and abs(before - after) <= max(
        _MARGIN_PX, _SYMMETRY * max(before, after)
    )
    if not symmetric or not _straight(peak_LM[before:]) or not _straight(peak_LM[: lines - after][::-1]):
        return 0, lines
    start, end = before + _MARGIN_PX, lines - after - _MARGIN_PX
    return (start + 1) // 2 * 2, end // 2 * 2


def _straight(peak_LM: U8) -> bool:
    """Whether the picture's first lines are brighter than a bar along much of their length."""
    return bool((peak_LM[1 : 1 + 2 * _MARGIN_PX].max(axis=0) > BLACK_LUMA + _EDGE_LUMA).mean() >= _EDGE_SHARE)


def crop(frames: Frames, box: Box) -> Frames:
    """The frames inside a box; the same object if the box is the whole picture."""
    height, width = frames.height, frames.width
    if (box.width, box.height) == (width, height):
        return frames
    out = np.empty((len(frames), box.height * 3 // 2, box.width), np.uint8)
    for source, target in zip(_planes(frames.yuv_THW), _planes(out), strict=True):
        scale = height // source.shape[1]
        rows, columns = slice(box.top // scale, box.bottom // scale), slice(box.left // scale, box.right // scale)
        target[...] = source[:, rows, columns]
    return replace(frames, yuv_THW=out)


def _planes(yuv_THW: U8) -> tuple[U8, U8, U8]:
    """Y (T, H, W), U and V (T, H/2, W/2) views of planar 4:2:0 frames."""
    count, rows, width = yuv_THW.shape
    height = rows * 2 // 3
    flat = yuv_THW.reshape(count, -1)
    luma, chroma = height * width, height * width // 4
    half = (count, height // 2, width // 2)
    return (
        flat[:, :luma].reshape(count, height, width),
        flat[:, luma : luma + chroma].reshape(half),
        flat[:, luma + chroma :].reshape(half),
    )
