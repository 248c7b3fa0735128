"""The rate of the clock, whatever the header says: by the time stamps of real files, and of streams made up."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.outcomes import Rejected
from schemas.recipes import RECIPES
from schemas.records import Clip
from tests.transforms.decoding import clips_of, decode
from tests.video_files import moving, still, texture, write_video
from transforms.decode.rate import frame_rate
from transforms.screening.verdict import judge

MS = Fraction(1, 1000)
NTSC = Fraction(30_000, 1001)


def clip_of(path: Path, stamps_ms: list[int], header_fps: int, frozen: bool = False) -> Clip:
    """The one clip of a file of these stamps whose header says something else."""
    pictures = still(len(stamps_ms), texture(144, 192)) if frozen else moving(len(stamps_ms), velocity=(3.0, 1.0))
    codec = "libvpx" if path.suffix == ".webm" else "libx264"
    write_video(path, pictures, fps=header_fps, pts=stamps_ms, time_base=MS, codec=codec)
    (clip,) = clips_of(decode(path, **{"clips.min_s": 1.0, "clips.max_s": 20.0, "clips.edge_frames": 0}))
    return clip


def frozen_out(clip: Clip) -> bool:
    return isinstance(judge(clip, RECIPES["human5000"].screening, ("frozen_share",)), Rejected)


@pytest.mark.parametrize(("name", "header_fps"), [("v.mp4", 30), ("v.mkv", 30), ("v.mkv", 60), ("v.webm", 1000)])
@pytest.mark.parametrize("interval_ms", [100, 40])
def test_the_same_pictures_at_the_same_times_are_the_same_clip(
    tmp_path: Path, name: str, header_fps: int, interval_ms: int
) -> None:
    clip = clip_of(tmp_path / name, [interval_ms * n for n in range(40)], header_fps)
    assert float(clip.fps) == pytest.approx(1000 / interval_ms, rel=0.03)
    assert clip.frame_count == pytest.approx(40, abs=1)
    assert clip.pts_T[1] * clip.time_base == Fraction(interval_ms, 1000)
    assert clip.scores.frozen_share == 0
    assert not frozen_out(clip)


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
def test_a_video_that_is_frozen_is_rejected_whatever_its_header_says(tmp_path: Path, name: str) -> None:
    assert frozen_out(clip_of(tmp_path / name, [100 * n for n in range(40)], header_fps=30, frozen=True))


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
def test_a_rate_that_varies_gives_the_one_that_prevails_and_pauses_are_not_frozen(tmp_path: Path, name: str) -> None:
    """Ten frames a thirtieth of a second apart, then a pause of half a second, and so on."""
    stamps = [round(1000 * (n % 10) / 30) + n // 10 * 800 for n in range(60)]
    clip = clip_of(tmp_path / name, stamps, header_fps=30)
    assert float(clip.fps) == pytest.approx(30, rel=0.01)
    assert clip.frame_count == pytest.approx((stamps[-1] + 33) * 0.030, abs=2)
    assert clip.scores.frozen_share == 0


def test_frames_that_are_shown_longer_because_nothing_moved_still_count_as_frozen(tmp_path: Path) -> None:
    """A recorder that leaves out what does not change: it moves for two seconds, then stands still for four."""
    path = tmp_path / "v.mkv"
    pictures = [*moving(50, velocity=(3.0, 1.0))]
    pictures += [pictures[-1]] * 8
    stamps = [40 * n for n in range(50)] + [2000 + 500 * n for n in range(8)]
    write_video(path, pictures, pts=stamps, time_base=MS)
    (clip,) = clips_of(decode(path, **{"clips.min_s": 1.0, "clips.max_s": 20.0, "clips.edge_frames": 0}))
    assert clip.fps == 25
    assert clip.scores.frozen_share == pytest.approx(4 / 6, abs=0.1)


@given(st.sampled_from([Fraction(24), Fraction(25), NTSC, Fraction(60)]), st.integers(-9000, 9000))
def test_a_header_that_the_stamps_bear_out_is_taken_exactly(fps: Fraction, start: int) -> None:
    assert frame_rate([fps, None], [start + round(n / fps / MS) for n in range(100)], MS) == fps


def test_a_rate_that_is_borne_out_comes_before_one_that_is_not() -> None:
    assert frame_rate([Fraction(1000), NTSC], [round(n * 1001 / 30) for n in range(100)], MS) == NTSC


def test_two_and_three_fields_by_turns_are_film() -> None:
    stamps = [n // 2 * 5 + n % 2 * 2 for n in range(100)]
    film = Fraction(24_000, 1001)
    assert frame_rate([film], stamps, Fraction(1001, 60_000)) == film
    assert float(frame_rate([Fraction(60)], stamps, Fraction(1001, 60_000))) == pytest.approx(float(film), rel=1e-2)


@pytest.mark.parametrize(
    "stamps",
    [
        [],
        [None] * 100,
        [None if n % 12 else 100 * n for n in range(200)],  # of every group of pictures the first alone
        [100 * n for n in range(8)],
        [7] * 100,
        [60_000 * n for n in range(100)],  # a picture a minute is no rate of a video
    ],
)
def test_stamps_that_tell_no_rate_leave_the_headers_word(stamps: list[int | None]) -> None:
    assert frame_rate([None, NTSC], stamps, MS) == NTSC
    assert frame_rate([Fraction(90_000)], stamps, MS) == 25


def test_frames_in_decoding_order_and_a_stream_that_starts_again_change_nothing() -> None:
    order = [group * 4 + place for group in range(40) for place in (0, 3, 1, 2)]
    stamps = [100 * n for n in order]
    assert frame_rate([Fraction(30)], stamps[:100] + stamps, MS) == pytest.approx(10, rel=0.02)


@given(st.lists(st.none() | st.integers(-(2**62), 2**62), max_size=300))
def test_any_stamps_give_a_rate_that_can_be(stamps: list[int | None]) -> None:
    assert Fraction(1, 10) <= frame_rate([None, Fraction(0)], stamps, MS) <= 1000
