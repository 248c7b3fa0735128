"""From coded pictures to working frames."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records import Clip
from tests.transforms.decoding import clips_of, decode
from tests.video_files import Picture, still, texture, write_video
from transforms.decode.geometry import geometry
from transforms.pixels import rgb

QUICK = {"frames.short_side": 96, "clips.min_s": 0.4, "clips.max_s": 2.0}


def picture(height: int = 120, width: int = 160) -> Picture:
    """Four quarters that tell every turn and mirror: red, green / blue, grey."""
    shown = np.zeros((height, width, 3), np.uint8)
    shown[: height // 2, : width // 2, 0] = 220
    shown[: height // 2, width // 2 :, 1] = 200
    shown[height // 2 :, : width // 2, 2] = 230
    shown[height // 2 :, width // 2 :] = 128
    return shown


def first(path: Path, **settings: object) -> tuple[Clip, Picture]:
    clip = clips_of(decode(path, **(QUICK | settings)))[0]
    assert clip.frames is not None
    assert (clip.frames.width, clip.frames.height) == (clip.width, clip.height)
    return clip, rgb(clip.frames, 0)


def error(found: Picture, expected: Picture) -> float:
    scaled = cv2.resize(expected, found.shape[1::-1], interpolation=cv2.INTER_AREA)
    inner = (slice(4, -4), slice(4, -4))
    return float(np.abs(found[inner].astype(np.float32) - scaled[inner]).mean())


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotated_pictures_come_out_upright(tmp_path: Path, rotation: int):
    path = write_video(tmp_path / "v.mp4", still(20, picture()), rotation=rotation)
    clip, found = first(path)
    assert (clip.width, clip.height) == ((96, 128) if rotation in (90, 270) else (128, 96))
    assert error(found, np.rot90(picture(), -rotation // 90)) < 8
    assert decode(path, **QUICK)[1].container.rotation == rotation


@pytest.mark.parametrize(
    ("aspect", "size"), [(Fraction(2), (256, 96)), (Fraction(1, 2), (96, 144)), (Fraction(16, 15), (136, 96))]
)
def test_pixels_come_out_square(tmp_path: Path, aspect: Fraction, size: tuple[int, int]):
    path = write_video(tmp_path / "v.mp4", still(20, picture()), sample_aspect=aspect)
    clip, found = first(path)
    assert (clip.width, clip.height) == size
    assert error(found, picture()) < 8


def test_odd_sizes_become_even(tmp_path: Path):
    path = write_video(tmp_path / "v.mkv", still(20, picture(91, 121)), pix_fmt="yuv444p")
    clip, found = first(path)
    assert (clip.width, clip.height) == (120, 90)
    assert error(found, picture(91, 121)[:90, :120]) < 8


@pytest.mark.parametrize("pix_fmt", ["yuv420p10le", "yuv444p", "yuv422p", "yuv420p", "gray"])
@pytest.mark.parametrize("full_range", [False, True])
def test_every_pixel_format_and_range_gives_the_same_picture(tmp_path: Path, pix_fmt: str, full_range: bool):
    path = write_video(tmp_path / "v.mkv", still(20, picture()), pix_fmt=pix_fmt, full_range=full_range)
    _, found = first(path)
    expected = picture()
    if pix_fmt == "gray":
        expected = np.repeat(cv2.cvtColor(expected, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    assert error(found, expected) < 8


def test_small_pictures_are_never_scaled_up(tmp_path: Path):
    shown = texture(64, 80, seed=1)
    clip, found = first(write_video(tmp_path / "v.mp4", still(20, shown)))
    assert (clip.width, clip.height) == (80, 64)
    assert clip.scores.short_side == 64
    assert error(found, shown) < 6


def test_large_pictures_are_scaled_down_without_moire(tmp_path: Path):
    stripes = np.zeros((432, 576, 3), np.uint8)
    stripes[:, ::2] = 255
    path = write_video(tmp_path / "v.mkv", still(20, stripes), options={"crf": "0"})
    clip, found = first(path)
    assert (clip.width, clip.height) == (128, 96)
    assert clip.scores.short_side == 432
    assert np.ptp(found[4:-4, 4:-4].astype(np.int32)) <= 24


def test_a_change_of_size_starts_a_new_shot(tmp_path: Path):
    path = tmp_path / "v.ts"
    parts = [write_video(tmp_path / f"{n}.ts", still(25, texture(h, w, n)), codec="mpeg2video") for n, (h, w) in SIZES]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    clips = clips_of(decode(path, **QUICK))
    assert [(c.width, c.height) for c in clips] == [(128, 96), (96, 160)]
    assert [c.shot for c in clips] == [0, 1]
    assert clips[0].span.end_frame <= clips[1].span.start_frame


SIZES = list(enumerate([(120, 160), (160, 96)]))


def test_the_matrix_follows_the_stream(tmp_path: Path):
    unknown = write_video(tmp_path / "a.mp4", still(20, picture()))
    clip, _ = first(unknown)
    assert clip.frames is not None
    assert clip.frames.matrix == "smpte170m"
    path = tmp_path / "b.mp4"
    with av.open(str(unknown)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.codec_context.colorspace = 1
        for frame in source.decode(video=0):
            frame.colorspace = 1
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    clip, _ = first(path)
    assert clip.frames is not None
    assert clip.frames.matrix == "bt709"


@given(
    st.integers(2, 5000),
    st.integers(2, 5000),
    st.sampled_from([0, 90, 180, 270]),
    st.fractions(min_value=Fraction(1, 8), max_value=8, max_denominator=100),
    st.integers(64, 4320),
)
def test_working_sizes_are_even_never_larger_and_keep_the_shape(w: int, h: int, turn: int, aspect: Fraction, side: int):
    found = geometry(w, h, turn, aspect, side)
    wide, high = max(Fraction(w), w * aspect), max(Fraction(h), h / aspect)
    if turn in (90, 270):
        wide, high = high, wide
    assert found.width % 2 == 0 and found.height % 2 == 0
    assert min(found.width, found.height) <= max(side, 2)
    scale = min(Fraction(1), side / min(wide, high))
    assert abs(found.width - wide * scale) <= 2
    assert abs(found.height - high * scale) <= 2
