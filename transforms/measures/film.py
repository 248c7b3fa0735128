"""A video as measures read it: a piece at a time, so that a long one need not be there in RGB as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from schemas.arrays import U8

_AT_ONCE = 16


class Film(Protocol):
    """Frames in order; an array (T, H, W, 3) uint8 RGB is one."""

    def __len__(self) -> int:
        """Frames."""
        ...

    def __getitem__(self, span: slice, /) -> U8:
        """(t, H, W, 3) RGB."""
        ...


def pieces(film: Film) -> Iterator[U8]:
    """All frames, some at a time."""
    for start in range(0, len(film), _AT_ONCE):
        yield film[start : start + _AT_ONCE]


def frames(film: Film) -> Iterator[U8]:
    """(H, W, 3), one after the other."""
    for piece in pieces(film):
        yield from piece
