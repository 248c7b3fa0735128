from __future__ import annotations

import io
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from schemas.config import MediaConfig
from schemas.records import Frames
from transforms.encoding.h264 import decode_frames, decode_media, encode_h264


def moving_squares(count: int, width: int = 98, height: int = 66, fps: Fraction = Fraction(30000, 1001)) -> Frames:
    pictures = np.full((count, height, width, 3), 90, np.uint8)
    for index, picture in enumerate(pictures):
        picture[20:40, index : index + 20] = (200, 60, 30)
    yuv = np.empty((count, height * 3 // 2, width), np.uint8)
    for index, picture in enumerate(pictures):
        yuv[index] = cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420)
    ticks = np.arange(count, dtype=np.int64)
    return Frames(yuv, ticks, ticks, 1 / fps, fps)


def test_the_stored_video_has_the_frames_that_went_in_on_a_constant_clock() -> None:
    frames = moving_squares(31)
    media = encode_h264(frames, MediaConfig())
    with av.open(io.BytesIO(media.video)) as container:
        stream = container.streams.video[0]
        times = [picture.time for picture in container.decode(stream)]
        assert stream.average_rate == Fraction(30000, 1001)
        assert (stream.width, stream.height) == (98, 66)
    assert np.allclose(times, np.arange(31) * 1001 / 30000, atol=1e-4)
    back = np.stack(list(decode_media(media.video)))
    assert back.shape == frames.yuv_THW.shape
    assert np.abs(back.astype(int) - frames.yuv_THW.astype(int)).mean() < 3


def test_equal_frames_give_equal_bytes() -> None:
    assert encode_h264(moving_squares(20), MediaConfig()) == encode_h264(moving_squares(20), MediaConfig())


def test_key_frames_are_never_further_apart_than_the_configured_group() -> None:
    media = encode_h264(moving_squares(40), MediaConfig(gop=8))
    with av.open(io.BytesIO(media.video)) as container:
        keys = [i for i, packet in enumerate(p for p in container.demux(video=0) if p.size) if packet.is_keyframe]
    assert keys[0] == 0
    assert max(np.diff([*keys, 40])) <= 8


def test_the_colour_matrix_of_the_source_is_written_into_the_video() -> None:
    frames = moving_squares(3)
    with av.open(io.BytesIO(encode_h264(frames, MediaConfig()).video)) as container:
        assert container.streams.video[0].codec_context.colorspace == 1
        assert container.streams.video[0].codec_context.color_range == 1


def test_decoding_gives_frames_on_their_own_clock() -> None:
    frames = moving_squares(7, fps=Fraction(25))
    back = decode_frames(encode_h264(frames, MediaConfig()).video, Fraction(25))
    assert len(back) == 7
    assert back.time_base == Fraction(1, 25)


def test_a_clip_without_frames_is_refused() -> None:
    with pytest.raises(ValueError, match="without frames"):
        encode_h264(moving_squares(0), MediaConfig())
