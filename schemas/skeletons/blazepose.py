"""The skeleton of MediaPipe's pose landmark model; order and names as published with it."""

from __future__ import annotations

from schemas.skeletons.skeleton import Skeleton

BLAZEPOSE_33 = Skeleton(
    name="blazepose_33",
    joints=(
        "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye",
        "right_eye_outer", "left_ear", "right_ear", "mouth_left", "mouth_right", "left_shoulder",
        "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_pinky",
        "right_pinky", "left_index", "right_index", "left_thumb", "right_thumb", "left_hip",
        "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "left_heel",
        "right_heel", "left_foot_index", "right_foot_index",
    ),
    bones=(
        (0, 2), (2, 7), (0, 5), (5, 8), (11, 12), (11, 13), (13, 15), (15, 19), (12, 14), (14, 16),
        (16, 20), (11, 23), (12, 24), (23, 24), (23, 25), (25, 27), (27, 29), (29, 31), (24, 26),
        (26, 28), (28, 30), (30, 32),
    ),
    face=(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
)  # fmt: skip
