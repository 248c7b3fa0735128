"""A video's motion clip by clip: as numbers for the warp, and as what a network is given.

Shape suffixes: B videos, T frames, H rows, W columns. Needs torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import torch
from torch import Tensor

from models.generator.conditions import ClipInputs
from models.generator.warp.figure import Figure
from models.generator.warp.scene import Drive, Reference
from pipelines.render_inputs import Inputs, ReferencePicture
from schemas.skeletons import SKELETONS, Skeleton
from transforms.rasterising.points import rasterise_points
from transforms.rasterising.selection import MOST, choose_points
from transforms.rasterising.skeleton import rasterise_skeleton

_COVERED = 0.5
"""Opacity of the moved figure from which it hides points."""


def reference_tensors(picture: ReferencePicture) -> Reference:
    """A reference as a batch of one."""
    return Reference(
        torch.from_numpy(picture.rgb_HW3).permute(2, 0, 1)[None].float() / 255,
        torch.from_numpy(picture.mask_HW)[None, None].float(),
        torch.from_numpy(picture.people_HW)[None, None].float(),
        torch.from_numpy(picture.pose_J2)[None],
        torch.from_numpy(picture.confidence_J)[None],
    )


def clip_drives(inputs: Inputs, clip_frames: int) -> Iterator[Drive]:
    """The motion clip by clip; clips share a frame, points are chosen anew at each clip's first."""
    known: list[int] = []
    for start in range(0, max(1, inputs.frames - 1), clip_frames - 1):
        end = min(start + clip_frames, inputs.frames)
        points = choose_points(
            inputs.tracks, start, end, inputs.reference.size, MOST, (inputs.seed, start), known=known
        )
        known = points.ids_N.tolist()
        yield Drive(
            torch.from_numpy(inputs.pose.xy_TJ2[None, start:end]),
            torch.from_numpy(inputs.pose.confidence_TJ[None, start:end]),
            torch.from_numpy(points.xy_TN2[None]),
            torch.from_numpy(points.visible_TN[None]),
            torch.from_numpy(points.ids_N[None]),
        )


class Rasters:
    """Draws the conditions of clips of videos that begin with given references."""

    def __init__(self, reference: Reference, skeleton: Skeleton) -> None:
        self._reference, self._skeleton = reference, skeleton
        self._figure = Figure.from_reference(
            reference.picture_B3HW, reference.mask_B1HW, reference.pose_BJ2, reference.confidence_BJ
        )

    @torch.no_grad()
    def draw(self, drive: Drive) -> tuple[Tensor, Tensor]:
        """(B, T, 3, H, W) skeletons, and points, in 0..1.

        Where the figure will be is not known beforehand: points are left out under the reference's, moved to the pose.
        """
        height, width = self._reference.picture_B3HW.shape[-2:]
        people = (self._figure.move(drive.pose_BTJ2, drive.confidence_BTJ)[:, :, 3:] > _COVERED).float()
        pose = rasterise_skeleton(drive.pose_BTJ2, drive.confidence_BTJ, self._skeleton, height, width)
        return pose, rasterise_points(drive.xy_BTN2, drive.visible_BTN, people)

    def clip(self, drive: Drive, *, first: bool) -> list[ClipInputs]:
        """What a network is given for a clip of each video; a first clip tells the reference, too."""
        pose, points = self.draw(drive)
        driven = drive.ids_BN.shape[1] > 0
        return [
            ClipInputs(pose[b], points[b] if driven else None, _motion(drive, b) | self._told(b, first=first))
            for b in range(len(pose))
        ]

    def _told(self, video: int, *, first: bool) -> dict[str, Tensor]:
        if not first:
            return {}
        return {
            "reference_pose": self._reference.pose_BJ2[video],
            "reference_confidence": self._reference.confidence_BJ[video],
            "reference_mask": self._reference.mask_B1HW[video],
            "people_mask": self._reference.people_B1HW[video],
        }


class VideoClips(Sequence[ClipInputs]):
    """The clips of one long video, drawn when they are asked for; the last one is kept, as it is asked for often.

    drives: their motion in numbers. rasters: what draws them.
    """

    def __init__(self, inputs: Inputs, reference: Reference, clip_frames: int) -> None:
        self.drives = list(clip_drives(inputs, clip_frames))
        self.rasters = Rasters(reference, SKELETONS[inputs.pose.skeleton])
        self._kept: tuple[int, ClipInputs] | None = None

    def __len__(self) -> int:
        return len(self.drives)

    @overload
    def __getitem__(self, index: int) -> ClipInputs: ...
    @overload
    def __getitem__(self, index: slice) -> list[ClipInputs]: ...
    def __getitem__(self, index: int | slice) -> ClipInputs | list[ClipInputs]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if self._kept is None or self._kept[0] != index:
            self._kept = index, self.rasters.clip(self.drives[index], first=index == 0)[0]
        return self._kept[1]


def _motion(drive: Drive, video: int) -> dict[str, Tensor]:
    return {
        "pose": drive.pose_BTJ2[video],
        "pose_confidence": drive.confidence_BTJ[video],
        "points": drive.xy_BTN2[video],
        "points_visible": drive.visible_BTN[video],
        "point_ids": drive.ids_BN[video],
    }
