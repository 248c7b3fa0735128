"""Greedy matching of perceptual hashes: exact, and fast for a hundred thousand clips.

Shape suffixes: N clips, W the five 64-bit words of a clip's hash.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
U16 = NDArray[np.uint16]
I64 = NDArray[np.int64]

WORDS = 5
_DIGITS_PER_WORD = 16
_BANDS = WORDS * 4
_WIDEST_FLIP = 1
_BLOCK = 2048
_PAIRS_AT_ONCE = 4_000_000


def parse_hashes(texts: Sequence[str]) -> U64:
    """(N, 5) words of 80-digit hexadecimal hashes. Raises ValueError for any other text."""
    digits = WORDS * _DIGITS_PER_WORD
    for text in texts:
        if len(text) != digits:
            raise ValueError(f"a perceptual hash has {digits} hex digits, not {len(text)}: {text!r}")
    return np.frombuffer(bytes.fromhex("".join(texts)), ">u8").astype(np.uint64).reshape(-1, WORDS)


def first_matches(hashes_NW: U64, groups: Sequence[int] | I64, bits: float) -> I64:
    """(N,) index of the first unmatched clip that each clip matches, -1 for the unmatched ones.

    Clips come in the order of preference; two match if their words differ by at most `bits` bits on average and
    their groups differ. Blocks of clips are compared with the kept ones before them, then among themselves.
    """
    group_N = np.asarray(groups, np.int64)
    limit = int(bits * WORDS + 1e-9)
    match_N = np.full(len(hashes_NW), -1, np.int64)
    kept = np.empty(0, np.int64)
    for start in range(0, len(hashes_NW), _BLOCK):
        block = np.arange(start, min(start + _BLOCK, len(hashes_NW)))
        match_N[block] = _first_in(kept, block, hashes_NW, group_N, limit)
        _match_within(block[match_N[block] < 0], match_N, hashes_NW, group_N, limit)
        kept = np.concatenate([kept, block[match_N[block] < 0]])
    return match_N


def _match_within(rest: I64, match_N: I64, hashes_NW: U64, group_N: I64, limit: int) -> None:
    """Let each clip in turn that is still unmatched take the unmatched ones after it."""
    hashes, group, match = hashes_NW[rest], group_N[rest], match_N[rest]
    for i, index in enumerate(rest):
        if match[i] < 0:
            distance = np.bitwise_count(hashes[i + 1 :] ^ hashes[i]).sum(axis=1, dtype=np.uint16)
            near = (distance <= limit) & (group[i + 1 :] != group[i]) & (match[i + 1 :] < 0)
            match[i + 1 :][near] = index
    match_N[rest] = match


def _first_in(kept: I64, block: I64, hashes_NW: U64, group_N: I64, limit: int) -> I64:
    """The first of the kept clips that each clip of the block matches, or -1."""
    first = np.full(len(block), len(hashes_NW), np.int64)
    for row, column in _candidates(hashes_NW[block], hashes_NW[kept], limit):
        different = group_N[block[row]] != group_N[kept[column]]
        i, j = row[different], kept[column[different]]
        near = np.bitwise_count(hashes_NW[block[i]] ^ hashes_NW[j]).sum(axis=1, dtype=np.uint16) <= limit
        np.minimum.at(first, i[near], j[near])
    return np.where(first < len(hashes_NW), first, -1)


def _candidates(left_NW: U64, right_NW: U64, limit: int) -> Iterator[tuple[I64, I64]]:
    """Rows of left and right among which are all pairs within `limit` bits; a pair may come more than once.

    Of 20 bands of 16 bits at least one differs by at most limit // 20 bits (pigeonhole), so pairs are looked up
    by band; where that is more than one bit, comparing all is quicker.
    """
    flip_bits = limit // _BANDS
    if flip_bits > _WIDEST_FLIP:
        yield from _near_pairs(left_NW, right_NW, limit)
        return
    bands_left, bands_right, flips = _bands(left_NW), _bands(right_NW), _flips(flip_bits)
    for band in range(_BANDS):
        order = np.argsort(bands_right[:, band], kind="stable")
        counts = np.bincount(bands_right[:, band], minlength=1 << 16)
        starts = np.cumsum(counts) - counts
        keys = (flips[:, None] ^ bands_left[:, band]).ravel()
        for i, place in _expand(starts[keys], counts[keys]):
            yield i % len(left_NW), order[place]


def _near_pairs(left_NW: U64, right_NW: U64, limit: int) -> Iterator[tuple[I64, I64]]:
    rows = max(1, _PAIRS_AT_ONCE // max(1, len(right_NW)))
    for start in range(0, len(left_NW), rows):
        chunk = left_NW[start : start + rows]
        distance = np.zeros((len(chunk), len(right_NW)), np.uint16)
        for word in range(WORDS):
            distance += np.bitwise_count(chunk[:, None, word] ^ right_NW[None, :, word])
        row, column = np.nonzero(distance <= limit)
        yield row + start, column


def _bands(hashes_NW: U64) -> U16:
    return np.ascontiguousarray(hashes_NW).view(np.uint16).reshape(len(hashes_NW), _BANDS)


def _flips(most: int) -> U16:
    """Every 16-bit word with at most so many bits set."""
    words = np.arange(1 << 16, dtype=np.uint16)
    return words[np.bitwise_count(words) <= most]


def _expand(starts: I64, counts: I64) -> Iterator[tuple[I64, I64]]:
    """Row i with each of starts[i] .. starts[i] + counts[i], a bounded number of pairs at a time."""
    rows = np.flatnonzero(counts)
    if not len(rows):
        return
    ends = np.cumsum(counts[rows])
    pieces = (
        np.searchsorted(ends, np.arange(_PAIRS_AT_ONCE, ends[-1] + _PAIRS_AT_ONCE, _PAIRS_AT_ONCE), side="left") + 1
    )
    begin = 0
    for end in pieces.tolist():
        chosen = rows[begin:end]
        if len(chosen):
            repeated = np.repeat(chosen, counts[chosen])
            within = np.arange(len(repeated)) - np.repeat(np.cumsum(counts[chosen]) - counts[chosen], counts[chosen])
            yield repeated, starts[repeated] + within
        begin = end
