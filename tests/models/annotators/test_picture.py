"""Crops of a frame: cut out of its planes, they are those of the whole picture converted first."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.annotators.blazepose.picture import FramePicture, RgbPicture
from models.annotators.blazepose.roi import Roi
from schemas.records import Frames

HEIGHT, WIDTH, SIDE = 90, 122, 64


def smooth_frame() -> Frames:
    """Broad patches of colour: where chroma changes slowly, it matters little how it is enlarged."""
    coarse = np.random.default_rng(5).integers(64, 192, (3, 4, 3), np.uint8)
    rgb = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    stamps = np.zeros(1, np.int64)
    yuv = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420), np.uint8)
    return Frames(yuv[None], stamps, stamps, Fraction(1, 25), Fraction(25))


FRAME = FramePicture(smooth_frame(), 0)


@settings(max_examples=200, deadline=None)
@given(st.floats(-30, 150), st.floats(-30, 120), st.floats(20, 250), st.floats(-np.pi, np.pi))
def test_a_crop_is_that_of_the_converted_picture(x: float, y: float, size: float, angle: float):
    roi = Roi((x, y), size, angle)
    cut, converted = (p.crop(roi, SIDE).astype(int) for p in (FRAME, RgbPicture(FRAME.rgb_HW3)))
    seen = RgbPicture(np.full_like(FRAME.rgb_HW3, 255)).crop(roi, SIDE)[..., 0]
    reach = 2 * int(np.ceil(2 * SIDE / size)) + 1  # colours lie two pixels apart, and are spread over as many
    inside = cv2.erode(seen, np.ones((reach, reach), np.uint8)) == 255
    if inside.sum() > 200:
        assert np.abs(cut - converted)[inside].mean() < 4
    wider = RgbPicture(np.full((HEIGHT + 4, WIDTH + 4, 3), 255, np.uint8))  # it may end just outside the crop
    around = wider.crop(Roi((x + 2, y + 2), size, angle), SIDE)[..., 0]
    beyond = cv2.dilate(around, np.ones((reach, reach), np.uint8)) == 0
    assert cut[beyond].max(initial=0) == converted[beyond].max(initial=0) == 0
