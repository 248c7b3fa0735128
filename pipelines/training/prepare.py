"""From windows of video to the pictures of their conditions: rasters, and the warp out of the reference.

Shape suffixes: B batch, T frames, H W pixels.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from models.generator.training.batch import TrainingBatch
from models.generator.training.prepared import PreparedClip
from models.generator.warp.scene import Drive, Reference, Warped, WarpedScene
from schemas.skeletons import SKELETONS
from transforms.rasterising.points import rasterise_points
from transforms.rasterising.skeleton import rasterise_skeleton


@torch.no_grad()
def prepare_window(batch: TrainingBatch) -> Iterator[PreparedClip]:
    """The clips of a window in order, anchored in its first frame.

    Between clips the ground of the true frames is taken up, as the renderer takes up its own.
    """
    batch.check()
    scene = start_scene(batch)
    for clip in range(len(batch.points)):
        warped, scene = scene.warp(drive(batch, clip))
        yield prepared(batch, clip, warped)
        if clip + 1 < len(batch.points):
            scene = scene.take_up((batch.frames_BW3HW[:, batch.clip_slice(clip)] + 1) / 2, warped)


@torch.no_grad()
def prepare_still(batch: TrainingBatch) -> PreparedClip:
    """The first clip of a window without a warp, for conditions that do not use one: its frame 0, repeated."""
    batch.check()
    frame = (batch.frames_BW3HW[:, :1] + 1) / 2
    still = frame.expand(-1, batch.clip_frames, -1, -1, -1)
    known = torch.ones_like(still[:, :, :1])
    return _with_rasters(batch, 0, still, known, torch.zeros_like(known))


def start_scene(batch: TrainingBatch) -> WarpedScene:
    """The scene of the window's reference."""
    return WarpedScene.start(
        Reference(
            (batch.frames_BW3HW[:, 0] + 1) / 2,
            batch.figure_BW1HW[:, 0],
            batch.people_BW1HW[:, 0],
            batch.pose_BWJ2[:, 0],
            batch.confidence_BWJ[:, 0],
        )
    )


def drive(batch: TrainingBatch, clip: int) -> Drive:
    """What moves a clip of the window."""
    frames, points = batch.clip_slice(clip), batch.points[clip]
    return Drive(
        batch.pose_BWJ2[:, frames], batch.confidence_BWJ[:, frames], points.xy_BTN2, points.visible_BTN, points.ids_BN
    )


def prepared(batch: TrainingBatch, clip: int, warped: Warped) -> PreparedClip:
    """A clip of the window with its rasters and its warp."""
    return _with_rasters(batch, clip, warped.rgb_BT3HW, warped.valid_BT1HW, warped.alpha_BT1HW)


def _with_rasters(
    batch: TrainingBatch, clip: int, condition_BT3HW: Tensor, valid_BT1HW: Tensor, alpha_BT1HW: Tensor
) -> PreparedClip:
    frames, points = batch.clip_slice(clip), batch.points[clip]
    height, width = batch.frames_BW3HW.shape[-2:]
    pose = rasterise_skeleton(
        batch.pose_BWJ2[:, frames], batch.confidence_BWJ[:, frames], SKELETONS[batch.skeleton], height, width
    )
    dots = rasterise_points(points.xy_BTN2, points.visible_BTN, batch.people_BW1HW[:, frames])
    return PreparedClip(
        frames_BT3HW=(batch.frames_BW3HW[:, frames] + 1) / 2,
        figure_BT1HW=batch.figure_BW1HW[:, frames],
        warped_BT3HW=condition_BT3HW.clamp(0, 1),
        valid_BT1HW=valid_BT1HW,
        alpha_BT1HW=alpha_BT1HW,
        pose_BT3HW=pose,
        points_BT3HW=dots,
        other_B3HW=(batch.other_B3HW + 1) / 2,
    )
