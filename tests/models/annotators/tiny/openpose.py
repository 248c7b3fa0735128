"""OpenPose's own body network with weights written by hand: it reads joints and limbs off their colours.

A puppet wears one colour per joint and per limb. The first layers tell 64 colours apart, the last ones turn them into
the joint's heatmap and the limb's direction; everything between hands the colours on. All of it is the published
network, of the published size, run by the published code.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from schemas.records import Frames
from schemas.skeletons import OPENPOSE_18
from tests.models.footage import frames_of

LEVELS = (0, 85, 170, 255)
JOINTS = {
    "nose": (0, -40), "neck": (0, -26), "right_shoulder": (-16, -26), "right_elbow": (-28, -12),
    "right_wrist": (-36, 4), "left_shoulder": (16, -26), "left_elbow": (28, -12), "left_wrist": (36, 4),
    "right_hip": (-10, 4), "right_knee": (-12, 26), "right_ankle": (-14, 48), "left_hip": (10, 4),
    "left_knee": (12, 26), "left_ankle": (14, 48), "right_eye": (-7, -48), "left_eye": (7, -48),
    "right_ear": (-16, -44), "left_ear": (16, -44),
}  # fmt: skip
PAFS = (
    (31, 32), (39, 40), (33, 34), (35, 36), (41, 42), (43, 44), (19, 20), (21, 22), (23, 24), (25, 26), (27, 28),
    (29, 30), (47, 48), (49, 50), (53, 54), (51, 52), (55, 56),
)  # fmt: skip
LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 0),
    (0, 14), (14, 16), (0, 15), (15, 17),
)  # fmt: skip


def colours() -> list[tuple[int, int, int]]:
    """One for each joint, then one for each limb; black is left out, like colours that video would mix up."""
    every = [(r, g, b) for r in LEVELS for g in LEVELS for b in LEVELS]
    return every[1 : 1 + len(JOINTS) + len(LIMBS)]


def puppet(picture: np.ndarray, x: float, y: float, scale: float = 1.0) -> None:
    place = np.array([JOINTS[joint] for joint in OPENPOSE_18.joints], float) * scale + (x, y)
    points = np.rint(place).astype(int).tolist()
    worn = colours()
    for index, (a, b) in enumerate(LIMBS):
        cv2.line(picture, points[a], points[b], worn[len(JOINTS) + index], max(2, round(6 * scale)))
    for point, colour in zip(points, worn, strict=False):
        cv2.circle(picture, point, max(2, round(4 * scale)), colour, -1)


def places(x: float, y: float, scale: float = 1.0) -> np.ndarray:
    """(18, 2) where a puppet's joints are."""
    return np.array([JOINTS[joint] for joint in OPENPOSE_18.joints]) * scale + (x, y)


def save_body(path: Path) -> Path:
    import torch
    from controlnet_aux.open_pose.model import bodypose_model
    from safetensors.torch import save_file

    network = bodypose_model()
    state = {name: torch.zeros_like(value) for name, value in network.state_dict().items()}
    state = {name.split(".", 1)[1]: value for name, value in state.items()}
    for name, weight in state.items():
        if name.endswith("weight"):
            middle = weight.shape[-1] // 2
            same = min(weight.shape[:2])
            # Stages after the first read the features behind the 57 maps of the stage before.
            start = 57 if weight.shape[1] == 185 else 0
            weight[range(same - start), range(start, same), middle, middle] = 1.0
    _read_levels(state)
    _read_colours(state)
    _tell(state)
    save_file(state, path)
    return path


def _read_levels(state: dict) -> None:
    """conv1_1: three ramps for each channel of the picture, so that the next layer can tell its four levels."""
    weight, bias = state["conv1_1.weight"], state["conv1_1.bias"]
    weight.zero_()
    for channel in range(3):
        for ramp in range(5):
            row = 5 * channel + ramp
            weight[row, channel, 1, 1] = 3 * 256 / 255
            bias[row] = 3 * 0.5 * 256 / 255 - (ramp - 1)


def _read_colours(state: dict) -> None:
    """conv1_2: a hat of height 1 over each level, and one unit per colour that wants all three of its hats."""
    weight, bias = state["conv1_2.weight"], state["conv1_2.bias"]
    weight.zero_()
    bias.zero_()
    for unit, colour in enumerate(colours()):
        bias[unit] = -2.4
        for channel, value in enumerate(reversed(colour)):  # the code hands the network BGR
            level = LEVELS.index(value)
            for offset, height in ((0, 1.0), (1, -2.0), (2, 1.0)):
                ramp = level + offset
                if ramp < 5:
                    weight[unit, 5 * channel + ramp, 1, 1] = height
                # level 3 has no ramp above it: nothing is brighter


def _tell(state: dict) -> None:
    """The last stage: heatmaps from the joints' colours, directions from the limbs' (and the joints' at their ends)."""
    heat, field = state["Mconv7_stage6_L2.weight"], state["Mconv7_stage6_L1.weight"]
    heat.zero_()
    field.zero_()
    for joint in range(len(JOINTS)):
        heat[joint, joint, 0, 0] = 1.6
    at = places(0, 0)
    for index, ((a, b), maps) in enumerate(zip(LIMBS, PAFS, strict=True)):
        direction = (at[b] - at[a]) / np.linalg.norm(at[b] - at[a])
        for axis in (0, 1):
            # channels of PAFS count on from the 19 heatmaps
            for unit in (len(JOINTS) + index, a, b):
                field[maps[axis] - 19, unit, 0, 0] = 1.6 * float(direction[axis])


def puppet_video(at: list[list[tuple[float, float, float]]], height: int = 256, width: int = 320) -> Frames:
    """Puppets at (x, y, scale), frame by frame; a frame may be empty."""
    pictures = []
    for persons in at:
        picture = np.zeros((height, width, 3), np.uint8)
        for x, y, scale in persons:
            puppet(picture, x, y, scale)
        pictures.append(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420))
    return frames_of(np.stack(pictures), Fraction(2))
