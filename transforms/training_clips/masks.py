"""Masks at the pixels of a training picture alone, straight from their run lengths: no mask is unpacked in between.

Shape suffixes: K masks, R rows and C columns that are looked at, D numbers of all masks in a row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from schemas.arrays import I64, U8, Bool
from schemas.errors import CorpusError

_MOST_DIGITS = 7
"""Base-32 digits of a run length, at most."""


def sample_masks(rle: Sequence[str], size: tuple[int, int], rows_R: I64, columns_C: I64) -> Bool:
    """(K, C, R) bool: masks in COCO's compressed run lengths, at every crossing of some columns and rows.

    size: width and height of the masks, px. rows_R, columns_C: inside, rising, none twice.
    Raises CorpusError for run lengths that do not fill a mask.
    """
    width, height = size
    lengths_D, inside_D = _run_lengths(rle, width * height)
    # How many crossings lie before each run's end, column by column through all masks.
    columns_before = np.searchsorted(columns_C, np.arange(width + 1))
    rows_before = np.searchsorted(rows_R, np.arange(height + 1))
    looked_at = np.append(np.diff(columns_before), 0)
    mask_D, place_D = np.divmod(np.cumsum(lengths_D), width * height)
    column_D, row_D = np.divmod(place_D, height)
    crossed_D = mask_D * len(columns_C) + columns_before[column_D]
    before_D = crossed_D * len(rows_R) + looked_at[column_D] * rows_before[row_D]
    sampled = np.repeat(inside_D, np.diff(np.append(0, before_D)))
    return sampled.reshape(len(rle), len(columns_C), len(rows_R))


def _run_lengths(rle: Sequence[str], pixels: int) -> tuple[I64, Bool]:
    """Run lengths of all masks in a row, and whether a run is inside; outside and inside take turns in each mask.

    A number is written in digits of five bits, the lowest first; from the fourth of a mask on it is what is to be
    added to the one before the last.
    """
    text: U8 = np.frombuffer("".join(rle).encode("ascii", "replace"), np.uint8) - np.uint8(48)
    ends_D = np.flatnonzero(text & 0x20 == 0) + 1
    starts_D = np.append(0, ends_D[:-1])
    digits_D = ends_D - starts_D
    text_ends = np.cumsum([len(one) for one in rle])
    first = np.searchsorted(starts_D, np.append(0, text_ends[:-1]))
    numbers = np.diff(np.append(first, len(starts_D)))
    if not len(ends_D) or ends_D[-1] != len(text) or numbers.min() < 1 or digits_D.max() > _MOST_DIGITS:
        raise _damaged()
    values_D = np.add.reduceat((text & 0x1F).astype(np.int64) << _place(starts_D, digits_D) * 5, starts_D)
    values_D -= (text[ends_D - 1] & 0x10 != 0).astype(np.int64) << 5 * digits_D
    index_D = _place(first, numbers)
    odd_D = index_D % 2 == 1
    lengths_D = values_D.copy()
    for chain_D in (odd_D, ~odd_D & (index_D > 0)):
        total_D = np.cumsum(np.where(chain_D, values_D, 0))
        lengths_D[chain_D] = (total_D - np.repeat(total_D[first], numbers))[chain_D]
    if lengths_D.min() < 0 or (np.add.reduceat(lengths_D, first) != pixels).any():
        raise _damaged()
    return lengths_D, odd_D


def _place(starts: I64, lengths: I64) -> I64:
    """Of each element of stretches in a row its place in its stretch, from 0."""
    return np.arange(lengths.sum()) - np.repeat(starts, lengths)


def _damaged() -> CorpusError:
    return CorpusError("run lengths of a mask do not fill it; run `figureground check`")
