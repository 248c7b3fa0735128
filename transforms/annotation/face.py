"""Whether the face of a person is seen, from body keypoints alone."""

from __future__ import annotations

import numpy as np

from schemas.arrays import F32, Bool
from schemas.records import Pose
from schemas.skeletons import SKELETONS

_LEAST_CONFIDENCE = 0.5
_LEAST_SIZE_PX = 6.0
_TURNED_AWAY = 0.25
"""A profile: left and right of the face may pass each other by this share of its size."""
_STEADY_S = 0.6
_STEADY_SHARE = 0.75
"""Of the frames within `_STEADY_S`, so many must show the front: an unsure network swaps left and right from
frame to frame, a head does not turn so fast."""


def face_seen(pose: Pose, width: int, height: int, fps: float) -> Bool:
    """(T,) bool: the main parts of the face lie in the picture, are sure, large enough and turned to the camera.

    A pose network places a face on the back of a head too, and is sure of it. What gives it away is the order of
    left and right eye and ear across the body's upright, which must hold for some time. An ear or eye that was not
    found is left out of it.
    """
    skeleton = SKELETONS[pose.skeleton]

    def at(joint: str) -> F32:
        return pose.xy_TJ2[:, skeleton.index(joint)]

    up_T2 = _unit((at("left_shoulder") + at("right_shoulder")) - (at("left_hip") + at("right_hip")))
    left_T2 = np.stack([-up_T2[:, 1], up_T2[:, 0]], axis=1)

    def to_left(left: str, right: str) -> F32:
        """Signed distance from the right to the left joint, positive for a person seen from the front, px."""
        return np.asarray(((at(left) - at(right)) * left_T2).sum(axis=1), np.float32)

    eyes_T, ears_T = to_left("left_eye", "right_eye"), to_left("left_ear", "right_ear")
    size_T = _face_size(at("nose"), at("left_ear"), at("right_ear"), at("left_eye"), at("right_eye"))
    turn_T = np.asarray(np.fmin(eyes_T, ears_T) / np.maximum(size_T, 1e-6), np.float32)
    facing_T = _steady(turn_T, fps) > -_TURNED_AWAY
    face = [skeleton.index(joint) for joint in ("nose", "left_eye", "right_eye")]
    sure_T = np.median(pose.confidence_TJ[:, face], axis=1) >= _LEAST_CONFIDENCE
    nose_T2 = at("nose")
    inside_T = ((nose_T2 >= 0) & (nose_T2 < (width, height))).all(axis=1)
    return np.asarray(pose.present_T & facing_T & sure_T & inside_T & (size_T >= _LEAST_SIZE_PX), np.bool_)


def _steady(values_T: F32, fps: float) -> F32:
    """The value that `_STEADY_SHARE` of the frames around each exceed; NaN frames aside, NaN where all are."""
    reach = round(_STEADY_S * fps / 2)
    padded = np.pad(values_T, reach, constant_values=np.nan)
    windows_TK = np.sort(np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1), axis=1)  # NaN last
    count_T = np.isfinite(windows_TK).sum(axis=1)
    rank_T = (np.maximum(count_T - 1, 0) * (1 - _STEADY_SHARE)).astype(np.int64)
    return np.asarray(windows_TK[np.arange(len(values_T)), rank_T], np.float32)


def _unit(v_T2: F32) -> F32:
    return np.asarray(v_T2 / (np.linalg.norm(v_T2, axis=1, keepdims=True) + 1e-6), np.float32)


def _face_size(*points: F32) -> F32:
    """(T,) diagonal of the box around face joints, px."""
    xy_KT2 = np.stack(points)
    return np.asarray(np.linalg.norm(np.fmax.reduce(xy_KT2) - np.fmin.reduce(xy_KT2), axis=1), np.float32)
