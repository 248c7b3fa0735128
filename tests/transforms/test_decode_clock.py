"""The constant clock and the stamps it is fed with."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.decode.clock import Clock, clock_rate
from transforms.decode.timestamps import Timestamps

UNIT = Fraction(1, 90_000)


def shown(stamps: list[int], fps: Fraction, max_fps: float = 30.5, unit: Fraction = UNIT) -> list[int]:
    """Index of the frame on each tick."""
    clock, ticks = Clock(clock_rate(fps, max_fps), unit), []
    for index, stamp in enumerate(stamps):
        step = clock.advance(stamp)
        ticks += [index - 1] * step.repeat + [index] * step.here
    return ticks


@pytest.mark.parametrize(
    ("source", "clock", "every"),
    [
        (24, 24, 1),
        (Fraction(30000, 1001), Fraction(30000, 1001), 1),
        (50, 25, 2),
        (60, 30, 2),
        (100, 25, 4),
    ],
)
def test_fast_sources_are_divided_by_the_smallest_whole_number(source: int, clock: Fraction, every: int):
    rate = clock_rate(Fraction(source), 30.5)
    assert (rate.fps, rate.every) == (clock, every)


@given(st.sampled_from([Fraction(24), Fraction(25), Fraction(30), Fraction(30000, 1001)]), st.integers(-9000, 9000))
def test_constant_rates_map_one_to_one(fps: Fraction, start: int):
    stamps = [start + round(i / fps / UNIT) for i in range(500)]
    assert shown(stamps, fps) == list(range(500))


@pytest.mark.parametrize("header", [Fraction(2983, 100), Fraction(3014, 100)])
def test_a_header_that_is_a_little_wrong_still_maps_one_to_one(header: Fraction):
    assert shown([3000 * i for i in range(2000)], header) == list(range(2000))


def test_stamps_rounded_to_milliseconds_map_one_to_one():
    stamps = [round(i * 1001 / 30) for i in range(3000)]
    assert shown(stamps, Fraction(30000, 1001), unit=Fraction(1, 1000)) == list(range(3000))


@given(st.lists(st.integers(-2, 2), min_size=200, max_size=200))
def test_every_second_frame_is_used_at_twice_the_rate_whatever_the_jitter(jitter: list[int]):
    stamps = [1000 * i // 60 + wobble for i, wobble in enumerate(jitter)]
    assert shown(stamps, Fraction(60), unit=Fraction(1, 1000)) == list(range(0, 200, 2))


@given(st.lists(st.integers(1, 8000), min_size=5, max_size=300))
def test_variable_rates_show_on_each_tick_a_frame_that_is_near(steps: list[int]):
    stamps = [sum(steps[:i]) for i in range(len(steps))]
    ticks = shown(stamps, Fraction(25))
    assert ticks == sorted(ticks)
    # The clock may take up 2 % of the time per frame; apart from that a tick is at most two ticks off its frame.
    drift = 0.02 * len(steps) * 3600
    for tick, index in enumerate(ticks):
        assert abs(stamps[index] - 3600 * tick) <= drift + 2 * 3600


def test_a_frame_that_lasts_is_shown_until_half_way_to_the_next():
    assert shown([0, 3600, 5 * 3600, 6 * 3600], Fraction(25)) == [0, 1, 1, 2, 2, 2, 3]


def test_missing_seconds_are_a_gap_and_not_bridged():
    clock = Clock(clock_rate(Fraction(25), 30.5), UNIT)
    clock.advance(0)
    assert not clock.advance(20 * 3600).gap
    step = clock.advance(200 * 3600)
    assert step.gap
    assert (step.repeat, step.here) == (0, 1)


def repaired(raw: list[int | None], fps: int = 25, unit: Fraction = UNIT) -> list[int]:
    stamps = Timestamps(unit, Fraction(fps))
    return [stamps.repair(value) for value in raw]


@given(st.lists(st.none() | st.integers(-(2**40), 2**40), max_size=60))
def test_repaired_stamps_always_rise(raw: list[int | None]):
    stamps = repaired(raw)
    assert all(b > a for a, b in pairwise(stamps))


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=50), st.integers(-(2**40), 2**40))
def test_good_stamps_are_left_alone(steps: list[int], start: int):
    raw = [start + sum(steps[:i]) for i in range(len(steps))]
    assert repaired(list(raw)) == raw


def test_missing_stamps_continue_at_the_frame_rate():
    assert repaired([None, None, 7200, None]) == [0, 3600, 7200, 10800]


def test_a_stream_that_starts_again_is_shifted():
    assert repaired([0, 3600, 900_000, 0, 3600]) == [0, 3600, 900_000, 903_600, 907_200]


def test_a_small_step_back_costs_one_frame_and_nothing_after_it():
    stamps = repaired([0, 3600, 10800, 7200, 14400, 18000])
    assert stamps == [0, 3600, 10800, 10801, 14400, 18000]
    assert shown(stamps, Fraction(25))[-2:] == [4, 5]
