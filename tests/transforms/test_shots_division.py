"""Division of shots into clips."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from schemas.config import ClipsConfig
from transforms.shots.division import ClipLengths, Divider, Piece, clip_lengths


@st.composite
def lengths(draw: st.DrawFn) -> ClipLengths:
    least = draw(st.integers(2, 60))
    return ClipLengths(least, draw(st.integers(2 * least - 1, 5 * least)))


def divide(limits: ClipLengths, start: int, end: int, step: int) -> list[Piece]:
    """As in streaming: the shot becomes known `step` ticks at a time."""
    divider, pieces = Divider(limits, start), []
    for known in range(start, end, step):
        pieces += divider.advance(known)
    return pieces + divider.close(end)


@given(lengths(), st.integers(0, 50), st.integers(0, 2000), st.integers(1, 97))
def test_pieces_are_disjoint_within_the_limits_and_cover_the_shot(
    limits: ClipLengths, start: int, size: int, step: int
):
    pieces = divide(limits, start, start + size, step)
    assert all(limits.least <= end - begin <= limits.greatest for begin, end in pieces)
    if size < limits.least:
        assert pieces == []
    else:
        edges = [start, *(end for _, end in pieces)]
        assert [begin for begin, _ in pieces] == edges[:-1]
        assert edges[-1] == start + size


@given(lengths(), st.integers(0, 2000), st.integers(1, 97), st.integers(1, 97))
def test_pieces_do_not_depend_on_how_fast_the_shot_becomes_known(limits: ClipLengths, size: int, one: int, other: int):
    assert divide(limits, 0, size, one) == divide(limits, 0, size, other)


def test_a_long_shot_gives_its_first_piece_before_it_ends():
    divider = Divider(ClipLengths(50, 250), 0)
    assert divider.advance(299) == []
    assert divider.advance(300) == [(0, 250)]


def test_what_is_left_is_split_evenly():
    assert Divider(ClipLengths(50, 250), 0).close(290) == [(0, 145), (145, 290)]


@given(
    st.fractions(min_value=Fraction(1, 2), max_value=60),
    st.floats(0.1, 10, allow_nan=False),
    st.floats(2, 6, allow_nan=False),
)
def test_lengths_in_ticks_can_always_be_divided(fps: Fraction, min_s: float, ratio: float):
    found = clip_lengths(ClipsConfig(min_s=min_s, max_s=ratio * min_s), fps)
    assert found.least >= Fraction(min_s) * fps
    assert found.greatest >= 2 * found.least - 1
