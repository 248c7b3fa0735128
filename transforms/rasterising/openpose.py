"""The control image that published pose-guided models were trained on: OpenPose's drawing, from any skeleton.

Limbs, joints, hands and face look as ControlNet's annotator draws them; only the places of the joints are ours.
Shape suffixes: P persons, J joints, H rows, W columns.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterable

import cv2
import numpy as np

from schemas.arrays import F32, U8, Bool
from schemas.records import Pose
from schemas.skeletons import COCO_WHOLEBODY_133, OPENPOSE_18
from schemas.skeletons.coco import FACE_POINTS, HAND_BONES, HAND_JOINTS
from schemas.skeletons.conversion import converted

LEAST_CONFIDENCE = 0.3
"""A joint is drawn if it is at least this sure."""
_LIMB_HALF_WIDTH_PX = 4
_LIMB_SHADE = 0.6
_JOINT_RADIUS_PX = 4
_FACE_RADIUS_PX = 3
_HAND_LINE_PX = 2
_HAND_JOINT = (0, 0, 255)
_FACE_POINT = (255, 255, 255)
_FACE_START = COCO_WHOLEBODY_133.index("face_0")
_HANDS = tuple(COCO_WHOLEBODY_133.index(f"{side}_{HAND_JOINTS[0]}") for side in ("left", "right"))


def draw_openpose(poses: Iterable[Pose], frame: int, height: int, width: int) -> U8:
    """(H, W, 3) RGB of the persons present in one frame, on black; hands and face where their points are known."""
    canvas = np.zeros((height, width, 3), np.uint8)
    for pose in poses:
        if not pose.present_T[frame]:
            continue
        body = converted(pose, OPENPOSE_18.name)
        draw_body(canvas, body.xy_TJ2[frame], _shown(body, frame))
        if pose.skeleton == COCO_WHOLEBODY_133.name:
            xy_J2, shown_J = pose.xy_TJ2[frame], _shown(pose, frame)
            for start in _HANDS:
                hand = np.s_[start : start + len(HAND_JOINTS)]
                draw_hand(canvas, xy_J2[hand], shown_J[hand])
            face = np.s_[_FACE_START : _FACE_START + FACE_POINTS]
            draw_face(canvas, xy_J2[face], shown_J[face])
    return canvas


def draw_body(canvas_HW3: U8, xy_J2: F32, shown_J: Bool) -> None:
    """Limbs as darkened ellipses, joints as discs over them, in place. Skeleton: openpose_18."""
    colours = _hues(len(OPENPOSE_18.joints))
    for (a, b), colour in zip(OPENPOSE_18.bones, colours, strict=False):
        if shown_J[a] and shown_J[b]:
            shade = [int(channel * _LIMB_SHADE) for channel in colour]
            cv2.fillConvexPoly(canvas_HW3, _limb(xy_J2[a], xy_J2[b]), shade)
    for xy, shown, colour in zip(xy_J2, shown_J, colours, strict=True):
        if shown:
            cv2.circle(canvas_HW3, _pixel(xy), _JOINT_RADIUS_PX, colour, -1)


def draw_hand(canvas_HW3: U8, xy_J2: F32, shown_J: Bool) -> None:
    """Bones of a hand in the hues of the circle, joints in blue, in place. Points on the border are left out."""
    places = [_pixel(xy) if shown else (0, 0) for xy, shown in zip(xy_J2, shown_J, strict=True)]
    for index, (a, b) in enumerate(HAND_BONES):
        if min(*places[a], *places[b]) > 0:
            colour = [255 * channel for channel in colorsys.hsv_to_rgb(index / len(HAND_BONES), 1.0, 1.0)]
            cv2.line(canvas_HW3, places[a], places[b], colour, _HAND_LINE_PX)
    for place in places:
        if min(place) > 0:
            cv2.circle(canvas_HW3, place, _JOINT_RADIUS_PX, _HAND_JOINT, -1)


def draw_face(canvas_HW3: U8, xy_J2: F32, shown_J: Bool) -> None:
    """Points of the face in white, in place. Points on the border are left out."""
    for xy, shown in zip(xy_J2, shown_J, strict=True):
        if shown and min(_pixel(xy)) > 0:
            cv2.circle(canvas_HW3, _pixel(xy), _FACE_RADIUS_PX, _FACE_POINT, -1)


def _limb(a: F32, b: F32) -> np.ndarray:
    """Outline of the ellipse from joint to joint, whole pixels and degrees as OpenPose has them."""
    x, y = (a.astype(np.float64) + b) / 2
    dx, dy = a.astype(np.float64) - b
    axes = (int(np.hypot(dx, dy) / 2), _LIMB_HALF_WIDTH_PX)
    turn = int(np.degrees(np.arctan2(dy, dx)))
    return np.asarray(cv2.ellipse2Poly((int(x), int(y)), axes, turn, 0, 360, 1), np.int32)


def _hues(count: int) -> list[tuple[int, ...]]:
    return [tuple(round(255 * channel) for channel in colorsys.hsv_to_rgb(i / count, 1.0, 1.0)) for i in range(count)]


def _pixel(xy: F32) -> tuple[int, int]:
    return int(xy[0]), int(xy[1])


def _shown(pose: Pose, frame: int) -> Bool:
    sure = (pose.confidence_TJ[frame] >= LEAST_CONFIDENCE) & np.isfinite(pose.xy_TJ2[frame]).all(-1)
    return np.asarray(sure, np.bool_)
