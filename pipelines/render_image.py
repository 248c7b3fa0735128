"""A reference out of an image file, annotated on the way."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from models.annotators.factory import create_masks, create_pose
from models.annotators.rle import decode_mask, union_mask
from pipelines.render_inputs import ReferencePicture, scaled_reference
from schemas.config import Config
from schemas.errors import GenerationError
from schemas.records import Frames

_ANNOTATED_SIDE = 512
"""Annotators see the picture at this short side, px, as they see videos."""


def read_picture(path: Path, short_side: int, multiple: int) -> ReferencePicture:
    """An image file with its main person. Raises GenerationError where it is no image, or nobody is found in it."""
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise GenerationError(f"{path} cannot be read as an image")
    factor = _ANNOTATED_SIDE / min(bgr.shape[:2])
    size = tuple(2 * max(1, round(side * factor / 2)) for side in bgr.shape[1::-1])
    bgr = np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC), np.uint8)
    tick = np.zeros(1, np.int64)
    yuv = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420), np.uint8)
    frames = Frames(yuv[None], tick, tick, Fraction(1, 25), Fraction(25), matrix="smpte170m")
    config = Config()
    persons = create_pose(config).annotate(frames)
    if not persons or not persons[0].pose.present_T[0]:
        raise GenerationError(f"nobody is found in {path}; choose a picture that shows a person")
    masks = create_masks(config).annotate(frames, persons)
    pose = persons[0].pose
    picture = ReferencePicture(
        np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8),
        decode_mask(masks[0], 0),
        union_mask(masks, 0, frames.height, frames.width),
        pose.xy_TJ2[0],
        pose.confidence_TJ[0],
    )
    return scaled_reference(picture, short_side, multiple)
