"""Pieces joined without encoding: every frame, the clock, the same bytes each time."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np
import pytest

from schemas.config import MediaConfig
from schemas.errors import GenerationError
from schemas.records import Frames
from transforms.encoding.h264 import decode_media, encode_h264
from transforms.encoding.join import join_h264

FPS = Fraction(30000, 1001)


def piece(frames: int, seed: int, width: int = 64) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 200, (1, 96, width))
    yuv = (noise + 5 * np.arange(frames)[:, None, None]).astype(np.uint8)
    ticks = np.arange(frames)
    return encode_h264(Frames(yuv, ticks, ticks, 1 / FPS, FPS), MediaConfig(crf=18)).video


def test_every_frame_is_there_as_it_was_encoded_and_on_the_clock() -> None:
    pieces = [piece(8, 1), piece(7, 2), piece(1, 3)]
    whole = join_h264(pieces, FPS)
    frames = [frame for each in pieces for frame in decode_media(each)]
    np.testing.assert_array_equal(np.stack(list(decode_media(whole))), np.stack(frames))
    with av.open(io.BytesIO(whole)) as container:
        stream = container.streams.video[0]
        assert (stream.average_rate, stream.frames) == (FPS, 16)
        packets = [packet for packet in container.demux(stream) if packet.size]
        assert [packet.pts * packet.time_base * FPS for packet in packets] == list(range(16))
        assert all(packets[start].is_keyframe for start in (0, 8, 15)), "each piece can be seeked to"


def test_equal_pieces_give_equal_bytes() -> None:
    pieces = [piece(4, 1), piece(4, 2)]
    assert join_h264(pieces, FPS) == join_h264(pieces, FPS)


def test_pieces_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(GenerationError, match="encoded differently"):
        join_h264([piece(4, 1), piece(4, 1, width=96)], FPS)
    with pytest.raises(ValueError, match="without pieces"):
        join_h264([], FPS)
