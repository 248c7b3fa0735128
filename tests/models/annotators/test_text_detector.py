from __future__ import annotations

import cv2
import numpy as np
import pytest

from models.annotators.pixels import rgb_frame
from models.annotators.text_detector import TextDetector
from schemas.records import Frames
from tests.conftest import SampleVideos
from tests.models.footage import load


@pytest.fixture(scope="module")
def detector() -> TextDetector:
    return TextDetector(threads=2)


def caption(lines: int) -> np.ndarray:
    picture = np.full((360, 640, 3), 90, np.uint8)
    for line in range(lines):
        cv2.putText(picture, "BREAKING NEWS TODAY", (40, 120 + 60 * line), 0, 1.3, (255, 255, 255), 3)
    return picture


def test_a_line_of_text_is_boxed_where_it_is(detector: TextDetector) -> None:
    boxes = detector.boxes(caption(1))
    corners = np.concatenate(boxes)
    assert np.abs(corners.min(0) - [40, 85]).max() < 25
    assert np.abs(corners.max(0) - [475, 125]).max() < 25


def test_more_text_covers_more(detector: TextDetector) -> None:
    none, one, four = (detector.area(caption(lines)) for lines in (0, 1, 4))
    assert none == 0
    assert 0.04 < one < 0.1
    assert 3 * one < four < 5 * one


def test_text_is_measured_as_a_share_at_any_size(detector: TextDetector) -> None:
    small = detector.area(caption(2))
    large = detector.area(cv2.resize(caption(2), None, fx=2, fy=2))
    assert large == pytest.approx(small, rel=0.1)


def test_footage_without_overlaid_text_has_next_to_none(detector: TextDetector, jumper: Frames) -> None:
    assert detector.area(rgb_frame(jumper, 0)) < 0.01


def test_slides_have_much(detector: TextDetector, sample_videos: SampleVideos) -> None:
    frames = load(sample_videos.path("slides_text_long_no_person.mp4"), count=2, start=300, step=200)
    assert max(detector.area(rgb_frame(frames, i)) for i in range(len(frames))) > 0.1
