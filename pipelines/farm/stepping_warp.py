"""Steps videos of the renderer without weights. Needs torch.

Shape suffixes: B videos, T frames, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from models.generator.warp.renderer import WarpRenderer
from models.generator.warp.scene import Drive, Warped
from pipelines.farm.stepping import Made
from pipelines.render_card import ModelCard
from pipelines.render_clips import Rasters, clip_drives, reference_tensors
from pipelines.render_inputs import Inputs
from pipelines.render_models import beside
from schemas.skeletons import SKELETONS


class WarpVideo:
    """A video of the warp. What it remembers is found out again from the motion, which costs little."""

    def __init__(self, inputs: Inputs, clip_frames: int, clip: int, grid: bool) -> None:
        self.reference = reference_tensors(inputs.reference)
        self.rasters = Rasters(self.reference, SKELETONS[inputs.pose.skeleton]) if grid else None
        self.drives = list(clip_drives(inputs, clip_frames))
        self.clips, self.next_clip = len(self.drives), clip
        self.scene = WarpRenderer().begin(self.reference, self.drives[:clip])

    def draw(self, clip: int) -> Drive:
        """The motion of a clip."""
        return self.drives[clip]

    def kind(self, drawn: Drive) -> tuple[int, ...]:
        """Of its own: nothing is won by stepping videos together."""
        return (id(self),)


class WarpStepper:
    """Steps videos of the renderer without weights."""

    precision: str | None = None

    def __init__(self, card: ModelCard) -> None:
        self._clip_frames = card.clip_frames

    def prepare(self, inputs: Inputs, clip: int, state: Path | None, *, grid: bool) -> WarpVideo:
        """See `Stepper`."""
        with torch.no_grad():
            return WarpVideo(inputs, self._clip_frames, clip, grid)

    @torch.no_grad()
    def step(self, videos: Sequence[WarpVideo], drawn: Sequence[Drive], alive: Callable[[], None]) -> list[Made]:
        """See `Stepper`."""
        made = []
        for video, drive in zip(videos, drawn, strict=True):
            warped, video.scene = video.scene.warp(drive)
            made.append(_warped(video, drive, warped))
            video.next_clip += 1
            alive()
        return made

    def close(self) -> None:
        """See `Stepper`."""


def _warped(video: WarpVideo, drive: Drive, warped: Warped) -> Made:
    frames_T3HW = warped.rgb_BT3HW[0, min(video.next_clip, 1) :].clamp(0, 1)

    def frames() -> Iterator[Tensor]:
        return beside(video.reference, video.rasters.draw(drive) if video.rasters else None, frames_T3HW)

    return Made(frames, None)
