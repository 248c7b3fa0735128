"""COCO's skeletons: the body (17), and the whole body (133: body, feet, face, left hand, right hand).

Lin et al., "Microsoft COCO", 2014; Jin et al., "Whole-Body Human Pose Estimation in the Wild", 2020.
"""

from __future__ import annotations

from itertools import pairwise

from schemas.skeletons.skeleton import Skeleton

_FINGERS = ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")
HAND_JOINTS = ("hand_root", *(f"{finger}{part}" for finger in _FINGERS for part in (1, 2, 3, 4)))
"""Joints of a hand, from the wrist along each finger; with `left_` or `right_` before it."""
HAND_BONES = tuple(bone for finger in range(5) for bone in pairwise((0, *range(4 * finger + 1, 4 * finger + 5))))
"""Pairs of indices into `HAND_JOINTS`."""
FACE_POINTS = 68
"""Points of the face, in the order of iBUG's 300-W."""

COCO_17 = Skeleton(
    name="coco_17",
    joints=(
        "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
        "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee",
        "right_knee", "left_ankle", "right_ankle",
    ),
    bones=(
        (0, 1), (1, 3), (0, 2), (2, 4), (5, 6), (5, 7), (7, 9), (6, 8), (8, 10), (5, 11), (6, 12),
        (11, 12), (11, 13), (13, 15), (12, 14), (14, 16),
    ),
    face=(0, 1, 2, 3, 4),
)  # fmt: skip

_FEET = tuple(f"{side}_{part}" for side in ("left", "right") for part in ("big_toe", "small_toe", "heel"))
_FACE_START = len(COCO_17.joints) + len(_FEET)
_LEFT_HAND = _FACE_START + FACE_POINTS
_RIGHT_HAND = _LEFT_HAND + len(HAND_JOINTS)

COCO_WHOLEBODY_133 = Skeleton(
    name="coco_wholebody_133",
    joints=(
        *COCO_17.joints,
        *_FEET,
        *(f"face_{point}" for point in range(FACE_POINTS)),
        *(f"left_{joint}" for joint in HAND_JOINTS),
        *(f"right_{joint}" for joint in HAND_JOINTS),
    ),
    bones=(
        *COCO_17.bones,
        *((15, 17), (17, 18), (15, 19), (16, 20), (20, 21), (16, 22)),
        *((9, _LEFT_HAND), (10, _RIGHT_HAND)),
        *((start + a, start + b) for start in (_LEFT_HAND, _RIGHT_HAND) for a, b in HAND_BONES),
    ),
    face=(*COCO_17.face, *range(_FACE_START, _LEFT_HAND)),
)
