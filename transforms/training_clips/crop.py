"""The part of the picture that a training window shows, and how pixels, places and masks go there.

Shape suffixes: H W source picture, h w training picture, J joints, ... any batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import cv2
import numpy as np

from schemas.arrays import F32, U8, Bool
from schemas.records import Mask
from schemas.skeletons import SKELETONS
from transforms.pixels import RGB_OF_YUV, rgb_of_planes
from transforms.training_clips.masks import sample_masks


@dataclass(frozen=True, slots=True)
class Crop:
    """left, top, width, height: px of the source picture, all even. out: width and height of the training picture.

    flipped: left and right are exchanged.
    """

    left: int
    top: int
    width: int
    height: int
    out: tuple[int, int]
    flipped: bool = False

    def cut_planes(self, y_HW: U8, u_HW: U8, v_HW: U8, matrix: str, room_hw3: U8 | None = None) -> U8:
        """(h, w, 3) RGB of three planes, the last two of half the size; only what the crop shows is converted.

        Colours are converted where there are fewer pixels: after the planes were made smaller, or before they are
        enlarged. room: where the picture is written.
        """
        room_hw3 = np.empty((*self.out[::-1], 3), np.uint8) if room_hw3 is None else room_hw3
        rows, columns = slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)
        half = slice(rows.start // 2, rows.stop // 2), slice(columns.start // 2, columns.stop // 2)
        parts = y_HW[rows, columns], u_HW[half], v_HW[half]
        if self.width > self.out[0]:
            small = cv2.merge([_resized(part, self.out) for part in parts])
            cv2.transform(self._flip(small), RGB_OF_YUV[matrix], room_hw3)
        else:
            room_hw3[:] = self._flip(_resized(rgb_of_planes(*parts, matrix), self.out))
        return room_hw3

    def mask(self, mask: Mask, frames: Sequence[int], room_Fhw: Bool | None = None) -> Bool:
        """(frame, h, w): a pixel is inside where its centre is. room: where it is written.

        Raises CorpusError for a damaged mask.
        """
        room_Fhw = np.empty((len(frames), *self.out[::-1]), np.bool_) if room_Fhw is None else room_Fhw
        (columns, across), (rows, down) = (
            np.unique(np.floor(start + (np.arange(out) + 0.5) * side / out).astype(np.int64), return_inverse=True)
            for start, side, out in zip((self.left, self.top), (self.width, self.height), self.out, strict=True)
        )
        sampled = sample_masks([mask.rle[frame] for frame in frames], (mask.width, mask.height), rows, columns)
        if sampled.shape[1:] != self.out:
            sampled = sampled[:, across][:, :, down]
        for from_wh, to_hw in zip(sampled.view(np.uint8), room_Fhw.view(np.uint8), strict=True):
            if self.flipped:
                cv2.rotate(from_wh, cv2.ROTATE_90_CLOCKWISE, to_hw)
            else:
                cv2.transpose(from_wh, to_hw)
        return room_Fhw

    def places(self, xy: F32) -> F32:
        """Places (..., 2), px with centres of pixels at integers."""
        scale = np.array(self.out, np.float32) / np.array([self.width, self.height], np.float32)
        moved = (xy - np.array([self.left, self.top], np.float32) + np.float32(0.5)) * scale - np.float32(0.5)
        if self.flipped:
            moved[..., 0] = self.out[0] - 1 - moved[..., 0]
        return np.asarray(moved, np.float32)

    def joints(self, xy_J2: F32, confidence_J: F32, skeleton: str) -> tuple[F32, F32]:
        """Joints (..., J, 2) and their confidences (..., J); a flip makes left joints right ones."""
        moved = self.places(xy_J2)
        if not self.flipped:
            return moved, confidence_J
        order = mirrored_joints(skeleton)
        return moved[..., order, :], confidence_J[..., order]

    def _flip(self, picture: cv2.typing.MatLike) -> U8:
        return np.asarray(cv2.flip(picture, 1) if self.flipped else picture, np.uint8)


def _resized(picture: U8, out: tuple[int, int]) -> U8:
    """A picture at another width and height."""
    for size, how in _resizings(picture.shape, out):
        picture = np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)
    return picture


@lru_cache
def _resizings(shape: tuple[int, ...], out: tuple[int, int]) -> tuple[tuple[tuple[int, int], int], ...]:
    """Sizes on the way, with the kind of interpolation: to the least size that halves to the wanted one, and halvings.

    Each halving averages exactly, which costs a tenth of averaging over the whole way at once.
    """
    halvings = max(1, min(shape[1] // out[0], shape[0] // out[1])).bit_length() - 1
    sizes = [(out[0] << times, out[1] << times) for times in reversed(range(halvings + 1))]
    first = () if shape[1::-1] == sizes[0] else ((sizes[0], cv2.INTER_LINEAR),)
    return *first, *((size, cv2.INTER_AREA) for size in sizes[1:])


@cache
def mirrored_joints(skeleton: str) -> tuple[int, ...]:
    """For each joint the one on the other side of the body; itself where there is none."""
    names = SKELETONS[skeleton].joints
    swap = {"left": "right", "right": "left"}
    other = ["_".join(swap.get(word, word) for word in name.split("_")) for name in names]
    return tuple(names.index(name) for name in other)
