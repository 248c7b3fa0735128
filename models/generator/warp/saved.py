"""A warped scene as named tensors, for the state of a video between two clips, and back.

Pictures are kept in 8 bits. One video; shapes without the batch axis.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from models.generator.warp.bones import reference_bones
from models.generator.warp.figure import Figure
from models.generator.warp.ground import GroundMotion
from models.generator.warp.memory import GroundMemory
from models.generator.warp.scene import WarpedScene


def scene_tensors(scene: WarpedScene) -> dict[str, Tensor]:
    """The first scene of a batch."""
    memory, figure = scene.memory, scene.figure
    return {
        "figure_layers": _to_bytes(figure.layers_BL4HW[0]),
        "figure_source": figure.source_BL[0],
        "figure_pose": figure.pose_BJ2[0],
        "canvas": _to_bytes(torch.cat([memory.rgb_B3hw, memory.known_B1hw], 1)[0]),
        "canvas_origin": memory.origin_B2[0],
        "view_homography": memory.view.homography_BT33[0],
        "view_field": memory.view.field_BT2gg[0],
        "landmark_ids": memory.landmark_ids_BL[0],
        "landmarks": memory.landmarks_BL2[0],
    }


def scene_from_tensors(tensors: Mapping[str, Tensor]) -> WarpedScene:
    """The inverse, as a batch of one."""
    layers, canvas = (_to_floats(tensors[name])[None] for name in ("figure_layers", "canvas"))
    height, width = layers.shape[-2:]
    view = GroundMotion(tensors["view_homography"][None], tensors["view_field"][None], height, width)
    memory = GroundMemory(
        canvas[:, :3],
        canvas[:, 3:],
        tensors["canvas_origin"][None],
        view,
        tensors["landmark_ids"][None],
        tensors["landmarks"][None],
    )
    pose = tensors["figure_pose"][None]
    return WarpedScene(Figure(layers, tensors["figure_source"][None], pose, reference_bones(pose)), memory)


def _to_bytes(picture: Tensor) -> Tensor:
    return (picture.clamp(0, 1) * 255).round().byte()


def _to_floats(picture: Tensor) -> Tensor:
    return picture.float() / 255
