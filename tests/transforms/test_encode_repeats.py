"""Equal frames give equal bytes, whatever the encoder's memory held before."""

from __future__ import annotations

import hashlib
import random
from collections import Counter

import cv2
import numpy as np
import pytest

from schemas.arrays import U8
from schemas.config import MediaConfig
from tests.pipelines.render_corpus import FPS, puppet
from transforms.encoding.h264 import decode_frames, encode_h264
from transforms.pixels import frames_of_rgb, rgb

_ENCODED = 200
_SIZES = (8, 24, 100, 1000, 1536, 4096, 6144, 50_000, 200_000, 1_000_000)


@pytest.mark.parametrize("side", [32, 96])
def test_frames_encoded_again_in_stirred_memory_give_the_same_bytes(side: int) -> None:
    drawn = decode_frames(puppet(20, "zoom").media.video, FPS)
    frames = frames_of_rgb((cv2.resize(rgb(drawn, t), (side, side)) for t in range(len(drawn))), FPS)
    chance, held = random.Random(1), list[U8]()
    found = Counter[str]()
    for _ in range(_ENCODED):
        _stir(held, chance)
        found[hashlib.sha256(encode_h264(frames, MediaConfig()).video).hexdigest()] += 1
    assert len(found) == 1, found


def _stir(held: list[U8], chance: random.Random) -> None:
    """Fill pieces of memory with anything, and free some of those that were filled before."""
    for _ in range(chance.randrange(60)):
        held.append(np.full(chance.choice(_SIZES) + chance.randrange(64), chance.randrange(256), np.uint8))
    while len(held) > 300:
        held.pop(chance.randrange(len(held)))
