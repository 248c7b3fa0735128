"""The buffer of working frames."""

from __future__ import annotations

import numpy as np
import pytest

from transforms.decode.arena import Arena


def fill(arena: Arena, ticks: range) -> None:
    for tick in ticks:
        arena.append(tick * 10, tick)[:] = tick % 251
        arena.describe((float(tick), 0.0, 0.0, 0.0))


def values(arena: Arena, start: int, end: int) -> list[int]:
    frames, pts, sources, statistics = arena.take(start, end)
    assert sources.tolist() == list(range(start, end))
    assert pts.tolist() == [10 * tick for tick in range(start, end)]
    assert statistics[:, 0].tolist() == [float(tick) for tick in range(start, end)]
    assert (frames == frames[:, :1, :1]).all()
    return [int(v) for v in frames[:, 0, 0]]


def test_frames_are_found_by_tick_long_after_the_buffer_was_filled_once():
    arena = Arena(16, 4, 4)
    for start in range(0, 400, 4):
        fill(arena, range(start, start + 4))
        assert values(arena, max(0, start - 4), start + 4) == [t % 251 for t in range(max(0, start - 4), start + 4)]
        arena.drop_before(start - 4)


def test_memory_is_used_again_when_nobody_looks_at_it():
    arena, places = Arena(16, 4, 4), set()
    for start in range(0, 160, 8):
        fill(arena, range(start, start + 8))
        places.add(arena.take(start, start + 8)[0].base.__array_interface__["data"][0])
        arena.drop_before(start + 8)
    assert len(places) == 1


def test_frames_that_are_still_held_keep_their_content():
    arena, held = Arena(16, 4, 4), []
    for start in range(0, 160, 8):
        fill(arena, range(start, start + 8))
        held.append((start, arena.take(start, start + 8)[0][1:]))
        arena.drop_before(start + 8)
    for start, frames in held:
        assert frames[:, 0, 0].tolist() == list(range(start + 1, start + 8))


def test_frames_given_out_cannot_be_written():
    arena = Arena(4, 4, 4)
    fill(arena, range(2))
    assert not arena.take(0, 2)[0].flags.writeable


@pytest.mark.parametrize("frozen", [0.0, 1.0])
def test_a_frame_shown_again_is_the_same_and_frozen_only_if_it_was(frozen: float):
    arena = Arena(8, 4, 4)
    fill(arena, range(2))
    arena.describe((1.0, 0.0, 0.0, frozen))
    arena.repeat()
    frames, pts, sources, statistics = arena.take(0, 3)
    assert np.array_equal(frames[1], frames[2])
    assert (pts.tolist(), sources.tolist()) == ([0, 10, 10], [0, 1, 1])
    assert statistics[2].tolist() == [1.0, 0.0, 0.0, frozen]
    assert arena.end == 3
