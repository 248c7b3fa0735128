"""Unusual but valid media against the truth: time stamps, orientation, aspect and colour."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from schemas.records import Clip, SourceReport
from tests.malformed.kinds import FRAMES, HEIGHT, KINDS, WIDTH
from tests.transforms.decoding import decode
from tests.video_files import Picture, moving
from transforms.pixels import rgb

TRUTH = list(moving(FRAMES, HEIGHT, WIDTH, seed=5))
BY_NAME = {kind.name: kind for kind in KINDS}


def candidates(folder: Path, name: str) -> tuple[list[Clip], SourceReport]:
    return decode(BY_NAME[name].make(folder), **{"clips.min_s": 0.2, "clips.max_s": 2.0, "clips.edge_frames": 0})


def error(clip: Clip, tick: int, expected: Picture) -> float:
    assert clip.frames is not None
    found = rgb(clip.frames, tick)
    scaled = cv2.resize(expected, found.shape[1::-1], interpolation=cv2.INTER_AREA)
    return float(np.abs(found.astype(np.float32) - scaled).mean())


SHOWN = {
    **{f"rotation_{turn}": lambda p, turn=turn: np.rot90(p, -turn // 90) for turn in (90, 180, 270)},
    "sample_aspect": lambda p: p,
    "odd_size": lambda p: p[:90, :120],
    "ten_bits": lambda p: p,
    "full_chroma": lambda p: p,
    "full_range": lambda p: p,
    "alpha": lambda p: p,
    "grey": lambda p: np.repeat(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2),
    "high_dynamic_range": lambda p: p,
    "trailing_garbage": lambda p: p,
    "zero_duration": lambda p: p,
    "no_pts": lambda p: p,
}


@pytest.mark.parametrize("name", SHOWN)
def test_pictures_are_upright_square_and_of_the_right_colour(tmp_path: Path, name: str) -> None:
    (clip,), _ = candidates(tmp_path, name)
    for tick in (0, FRAMES // 2, FRAMES - 1):
        assert error(clip, tick, SHOWN[name](TRUTH[tick])) < 8


@pytest.mark.parametrize(("name", "shape"), [("sample_aspect", (186, 96)), ("rotation_90", (96, 128))])
def test_sizes_follow_aspect_and_orientation(tmp_path: Path, name: str, shape: tuple[int, int]) -> None:
    (clip,), _ = candidates(tmp_path, name)
    assert (clip.width, clip.height) == shape


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("negative_start", Fraction(0)),  # Matroska has no times before zero: such blocks count as unstamped
        ("stamps_beyond_31_bits", Fraction(2**33, 25)),
        ("wrong_declared_duration", Fraction(0)),
        ("zero_duration", Fraction(0)),
        ("variable_rate", Fraction(0)),
    ],
)
def test_time_stamps_are_those_of_the_pictures(tmp_path: Path, name: str, start: Fraction) -> None:
    clips, report = candidates(tmp_path, name)
    first, last = clips[0], clips[-1]
    assert abs(first.span.start - start) < Fraction(1, 1000)
    assert report.duration_s == pytest.approx(FRAMES / 25, abs=0.05)
    assert float(last.span.end - start) == pytest.approx(FRAMES / 25, abs=0.05)


def test_an_edit_list_cuts_off_what_is_not_shown(tmp_path: Path) -> None:
    (clip,), _ = candidates(tmp_path, "edit_list")
    assert (clip.span.start, clip.frame_count) == (0, 20)
    assert error(clip, 0, TRUTH[10]) < 8


def test_hours_without_a_picture_divide_the_clips(tmp_path: Path) -> None:
    clips, _ = candidates(tmp_path, "ten_hour_jump")
    assert [clip.frame_count for clip in clips] == [16, 14]
    assert clips[1].span.start - clips[0].span.start == 36_000 + Fraction(16, 25)
    assert error(clips[1], 0, TRUTH[16]) < 8


def test_falling_decoding_times_lose_no_more_than_what_was_swapped(tmp_path: Path) -> None:
    clips, report = candidates(tmp_path, "falling_dts")
    assert report.frames_decoded == FRAMES
    stamps = [stamp for clip in clips for stamp in clip.pts_T]
    assert stamps == sorted(stamps)
    assert len(set(stamps)) >= FRAMES // 2


def test_a_change_of_size_divides_the_clips(tmp_path: Path) -> None:
    clips, _ = candidates(tmp_path, "size_change")
    assert [(clip.width, clip.height) for clip in clips] == [(128, 96), (96, 64)]
