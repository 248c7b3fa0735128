"""Figure over ground, clip by clip, anchored in the first reference.

Shape suffixes: B batch, T frames, N points, J joints, H rows, W columns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from models.generator.warp.figure import Figure
from models.generator.warp.ground import GroundMotion
from models.generator.warp.memory import GroundMemory

_LOOKED_AT = 4
"""Frames of a clip whose new ground is taken up."""
_COVERED = 0.05
"""Opacity from which the figure hides the ground."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The first picture of a video. picture_B3HW: 0..1. mask_B1HW: the person who is driven. people_B1HW: everyone.

    pose_BJ2: px, skeleton blazepose_33, NaN where missing. confidence_BJ: 0..1.
    """

    picture_B3HW: Tensor
    mask_B1HW: Tensor
    people_B1HW: Tensor
    pose_BJ2: Tensor
    confidence_BJ: Tensor


@dataclass(frozen=True, slots=True)
class Drive:
    """What moves a clip; frame 0 is the last of the clip before. Coordinates: px.

    pose_BTJ2, confidence_BTJ: NaN where nobody is. xy_BTN2, visible_BTN: points of the ground. ids_BN: identity of a
    point over all clips of its video, -1 where it is nobody or only fills up the batch.
    """

    pose_BTJ2: Tensor
    confidence_BTJ: Tensor
    xy_BTN2: Tensor
    visible_BTN: Tensor
    ids_BN: Tensor


@dataclass(frozen=True, slots=True)
class Warped:
    """rgb_BT3HW: figure over ground, 0..1. valid_BT1HW: ground that is known and not behind the figure.

    alpha_BT1HW: the figure. motion: of the ground.
    """

    rgb_BT3HW: Tensor
    valid_BT1HW: Tensor
    alpha_BT1HW: Tensor
    motion: GroundMotion


@dataclass(frozen=True, slots=True)
class WarpedScene:
    """A video's figure, fixed, and its ground memory, which grows. Immutable."""

    figure: Figure
    memory: GroundMemory

    @classmethod
    def start(cls, reference: Reference) -> WarpedScene:
        """The scene of a reference."""
        figure = Figure.from_reference(
            reference.picture_B3HW, reference.mask_B1HW, reference.pose_BJ2, reference.confidence_BJ
        )
        return cls(figure, GroundMemory.start(reference.picture_B3HW, reference.people_B1HW))

    def warp(self, drive: Drive) -> tuple[Warped, WarpedScene]:
        """The frames of a clip, and the scene at its end."""
        motion, scene = self.move(drive)
        ground, valid = scene.memory.show(motion)
        figure = self.figure.move(drive.pose_BTJ2, drive.confidence_BTJ)
        colour, alpha = figure[:, :, :3], figure[:, :, 3:]
        warped = Warped(colour + ground * (1 - alpha), valid * (1 - alpha), alpha, motion)
        return warped, scene

    def move(self, drive: Drive) -> tuple[GroundMotion, WarpedScene]:
        """The ground's motion over a clip, and the scene at its end."""
        motion, memory = self.memory.locate(drive.xy_BTN2, drive.visible_BTN, drive.ids_BN)
        return motion, replace(self, memory=memory)

    def take_up(self, frames_BT3HW: Tensor, warped: Warped) -> WarpedScene:
        """The scene after newly painted ground of finished frames came into the memory. Frames: 0..1.

        A few frames are looked at, the last among them; what the earliest shows of a place stays.
        """
        count = frames_BT3HW.shape[1]
        memory = self.memory
        for t in sorted({count - 1 - step * count // _LOOKED_AT for step in range(_LOOKED_AT)}):
            people = (warped.alpha_BT1HW[:, t] > _COVERED).float()
            memory = memory.take_up(frames_BT3HW[:, t], people, warped.motion.at(slice(t, t + 1)))
        return replace(self, memory=memory.scrolled())


def blank_points(batch: int, frames: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Places, visibility and ids of no points at all: the ground stands still."""
    return (
        torch.zeros((batch, frames, 0, 2), device=device),
        torch.zeros((batch, frames, 0), dtype=torch.bool, device=device),
        torch.zeros((batch, 0), dtype=torch.int64, device=device),
    )
