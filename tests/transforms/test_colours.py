"""Colours: what is read out of a video is what a player shows, and so is what is written, whatever the YUV matrix."""

from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from pipelines.render import encode_pictures
from schemas.arrays import U8
from schemas.config import MediaConfig
from schemas.records import Frames
from transforms.encoding.h264 import decode_frames, encode_h264
from transforms.pixels import planes, rgb, rgb_of_planes
from transforms.training_clips.crop import Crop
from transforms.training_clips.decoding import decode_some

FPS = Fraction(25)
PATCH = 32
LUMA_OF = {"smpte170m": (0.299, 0.114), "bt709": (0.2126, 0.0722)}
"""Weights of red and blue in luma (ITU-R BT.601, BT.709)."""
TAGS = {1: "bt709", 6: "smpte170m"}
COLOURS = [(200, 40, 40), (40, 180, 60), (50, 60, 200), (210, 160, 130), (128, 128, 128), (220, 210, 60)]
MATRICES = pytest.mark.parametrize("matrix", LUMA_OF)


def chart() -> U8:
    """Two rows of three patches, a colour each."""
    patches = np.array(COLOURS, np.uint8).reshape(2, 3, 3)
    return np.ascontiguousarray(patches.repeat(PATCH, 0).repeat(PATCH, 1))


def to_yuv(matrix: str) -> np.ndarray:
    """(3, 3): Y, U and V, less their offsets, over R, G and B."""
    red, blue = LUMA_OF[matrix]
    luma = np.array([red, 1 - red - blue, blue])
    u, v = ((np.eye(3)[channel] - luma) / (2 * (1 - luma[channel])) for channel in (2, 0))
    return np.stack([luma * 219, u * 224, v * 224]) / 255


def filmed(matrix: str) -> Frames:
    """The chart, three times."""
    yuv = np.rint(chart() @ to_yuv(matrix).T + [16, 128, 128]).astype(np.uint8)
    parts = yuv[..., 0], yuv[::2, ::2, 1], yuv[::2, ::2, 2]
    i420 = np.concatenate([plane.reshape(-1, 3 * PATCH) for plane in parts])
    ticks = np.arange(3)
    return Frames(np.stack([i420] * 3), ticks, ticks, 1 / FPS, FPS, matrix)


def shown(video: bytes) -> np.ndarray:
    """The first frame as a player shows it, by the matrix that the video is tagged with."""
    with av.open(io.BytesIO(video)) as container:
        frame = next(container.decode(video=0))
        y, u, v = planes(frame.to_ndarray(format="yuv420p"))
        yuv = np.stack([y, u.repeat(2, 0).repeat(2, 1), v.repeat(2, 0).repeat(2, 1)], -1)
        return (yuv - np.array([16, 128, 128])) @ np.linalg.inv(to_yuv(TAGS[int(frame.colorspace)])).T


def assert_is_the_chart(picture: np.ndarray) -> None:
    """Compares the middles of the patches."""
    high, wide = picture.shape[0] // 2, picture.shape[1] // 3
    middles = picture[high // 2 :: high, wide // 2 :: wide].reshape(-1, 3).astype(float)
    assert np.abs(middles - COLOURS).max() < 6


def test_the_chart_tells_the_matrices_apart() -> None:
    with pytest.raises(AssertionError):
        assert_is_the_chart(rgb(replace(filmed("bt709"), matrix="smpte170m"), 0))


@MATRICES
def test_frames_become_the_rgb_they_were_made_of(matrix: str) -> None:
    assert_is_the_chart(rgb(filmed(matrix), 1))


@MATRICES
def test_a_stored_video_keeps_its_matrix(matrix: str) -> None:
    video = encode_h264(filmed(matrix), MediaConfig(crf=4)).video
    assert_is_the_chart(shown(video))
    frames = decode_frames(video, FPS)
    assert frames.matrix == matrix
    assert_is_the_chart(rgb(frames, 2))
    assert_is_the_chart(decode_some(io.BytesIO(video), FPS, [1], rgb_of_planes)[1])


@MATRICES
@pytest.mark.parametrize("out", [(48, 32), (144, 96)])
def test_training_pictures_have_the_colours_of_the_video(matrix: str, out: tuple[int, int]) -> None:
    video = encode_h264(filmed(matrix), MediaConfig(crf=4)).video
    crop = Crop(0, 0, 3 * PATCH, 2 * PATCH, out)
    assert_is_the_chart(decode_some(io.BytesIO(video), FPS, [1], crop.cut_planes)[1])


def test_rendered_pictures_are_shown_in_their_colours() -> None:
    assert_is_the_chart(shown(encode_pictures([chart()] * 2, FPS).video))
