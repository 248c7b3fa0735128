"""Which reference goes with which pose and which background."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from itertools import product

Triple = tuple[int, int, int]
"""Running numbers of a reference, a pose and a background."""
_SHUFFLED = 2**20
_DRAWN_AT_ONCE = 4096


class Pairing(StrEnum):
    """product: all with all. zip: first with first, second with second; shorter lists begin again. sample: drawn."""

    PRODUCT = "product"
    ZIP = "zip"
    SAMPLE = "sample"


def triples(pairing: Pairing, sizes: Triple, seed: int) -> Iterator[Triple]:
    """Every triple of a pairing, each once. sizes: how many there are of each, at least one.

    A sample goes through all triples in an order drawn from the seed, so that more of it begin with fewer of it.
    """
    if pairing is Pairing.PRODUCT:
        yield from product(*(range(size) for size in sizes))
    elif pairing is Pairing.ZIP:
        rows = (tuple(row % size for size in sizes) for row in range(max(sizes)))
        yield from ((a, b, c) for a, b, c in rows)
    else:
        yield from ((a, b, c) for a, b, c in (_triple(number, sizes) for number in _drawn(sizes, seed)))


def _drawn(sizes: Triple, seed: int) -> Iterator[int]:
    """All numbers below the product of the sizes in a drawn order; without a list of them where they are many."""
    import numpy as np

    total, rng = sizes[0] * sizes[1] * sizes[2], np.random.default_rng(seed)
    if total <= _SHUFFLED:
        yield from rng.permutation(total).tolist()
        return
    known: set[int] = set()
    while len(known) < total:
        for number in rng.integers(total, size=_DRAWN_AT_ONCE).tolist():
            if number not in known:
                known.add(number)
                yield number


def _triple(number: int, sizes: Triple) -> Triple:
    rest, background = divmod(number, sizes[2])
    reference, pose = divmod(rest, sizes[1])
    return reference, pose, background
