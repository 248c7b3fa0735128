"""What the benchmarks of the generator share: scenes held out of training, and how a pipeline is given them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from infra.benchmarks.scene_means import Decibels
from infra.benchmarks.warp_quality import Truth, make_truth
from models.generator.pipeline import HumanVideoPipeline, Sampling, VideoInputs
from models.generator.warp.scene import Drive, Reference, blank_points
from pipelines.render_clips import Rasters
from schemas.errors import ConfigError
from schemas.skeletons import BLAZEPOSE_33
from transforms.measures.fidelity import colour_error, masked_psnr, newly_seen
from transforms.measures.matte import figure_matte, matte_iou
from transforms.measures.sharpness import sharpness_ratio
from transforms.measures.track_error import still_error, track_error

_LUMA = (0.299, 0.587, 0.114)
LIFTS = (0.02, 0.18)
"""Two brightnesses of the surroundings: far enough apart for a matte, near enough to be scenes like the others."""


@dataclass(frozen=True)
class Figures(Decibels):
    """iou: of the figure. sharpness: over the true frames'. colour: error of the mean colour, 0..1.

    track: error of the ground's points over that of ground that stands still.
    """

    iou: float
    track: float
    sharpness: float
    colour: float

    @classmethod
    def heading(cls) -> str:
        """Column names, in the widths of `line`."""
        return f"{super().heading()}   IoU  track  sharp  colour"

    def line(self) -> str:
        """The row of a table."""
        return f"{super().line()}  {self.iou:.2f}  {self.track:5.2f}  {self.sharpness:5.2f}  {self.colour:6.3f}"


def make_lifted(truth: Truth) -> tuple[Truth, Truth]:
    """The scenes of `make_truth` with their surroundings in two brightnesses, for `matte`."""
    scenes, frames, size = len(truth.annotations), truth.video_BT3HW.shape[1], truth.video_BT3HW.shape[-1]
    dark, bright = (make_truth(scenes, size, frames, truth.seed, lift=lift) for lift in LIFTS)
    return dark, bright


def matte(dark: Tensor, bright: Tensor, truth: Truth) -> Tensor:
    """(B, T, 1, H, W) the figure's matte, of videos made from the two of `make_lifted`."""
    return figure_matte(dark, bright, (LIFTS[1] - LIFTS[0]) * truth.light_BT3)


def measure(made: Tensor, matte_BT1HW: Tensor, truth: Truth, drive: Drive, known: Tensor) -> Figures:
    """Figures of made videos; the first frame, which is the reference, is left out of all.

    matte: where they show the figure. drive: the right one. known: validity of the ground by the right warp.
    """
    later = slice(1, None)
    made, true, mask = made.clamp(0, 1), truth.video_BT3HW, truth.mask_BT1HW
    fresh = newly_seen(1 - mask, known)
    return Figures(
        figure_BT=masked_psnr(made, true, mask)[:, later],
        ground_BT=masked_psnr(made, true, 1 - mask)[:, later],
        fresh_BT=masked_psnr(made, true, fresh)[:, later],
        iou=mean(matte_iou(matte_BT1HW, mask)[:, later]),
        track=track_ratio(made, drive),
        sharpness=sharpness_ratio(made[:, later], true[:, later]),
        colour=mean(colour_error(made[:, later], true[:, later])),
    )


def track_ratio(made: Tensor, drive: Drive) -> float:
    """Track error over all videos, in the error of ground that stands still."""
    luma = (made * torch.tensor(_LUMA)[:, None, None]).sum(2).mul(255).round().byte().numpy()
    xy, visible = drive.xy_BTN2.numpy(), drive.visible_BTN.numpy()
    errors = [track_error(luma[b], xy[b], visible[b]) for b in range(len(luma))]
    units = [still_error(xy[b], visible[b]) for b in range(len(luma))]
    return float(np.nansum(errors) / np.nansum(units))


def mean(values: Tensor) -> float:
    """Over what is known."""
    return float(values.nanmean())


def load_models(folders: Sequence[Path]) -> dict[str, HumanVideoPipeline]:
    """Saved generators by the names of their folders.

    Raises ConfigError where two have one name, WeightsError for what is no generator.
    """
    names = [folder.resolve().name for folder in folders]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"two models are called {twice[0]!r}: name their folders differently")
    return {name: HumanVideoPipeline.from_pretrained(folder) for name, folder in zip(names, folders, strict=True)}


def generate(
    pipeline: HumanVideoPipeline, reference: Reference, drives: Sequence[Drive], steps: int, seed: int = 1
) -> Tensor:
    """(B, F, 3, H, W) videos of a pipeline, all in one batch, clips chained; seed is the first video's."""
    rasters = Rasters(reference, BLAZEPOSE_33)
    clips = [rasters.clip(drive, first=not k) for k, drive in enumerate(drives)]
    videos = [
        VideoInputs(reference.picture_B3HW[b], seed + b, [clip[b] for clip in clips])
        for b in range(len(reference.picture_B3HW))
    ]
    pipeline.set_progress_bar_config(disable=True)
    return torch.stack(pipeline(videos, Sampling(steps)))


def shuffled_pose(drive: Drive) -> Drive:
    """Every figure driven by another scene's pose."""
    return replace(drive, pose_BTJ2=drive.pose_BTJ2.roll(1, 0), confidence_BTJ=drive.confidence_BTJ.roll(1, 0))


def shuffled_tracks(drive: Drive) -> Drive:
    """Every ground driven by another scene's tracks."""
    tracks = {name: getattr(drive, name).roll(1, 0) for name in ("xy_BTN2", "visible_BTN", "ids_BN")}
    return replace(drive, **tracks)


def no_tracks(drive: Drive) -> Drive:
    """No ground driven."""
    xy, visible, ids = blank_points(*drive.pose_BTJ2.shape[:2], drive.pose_BTJ2.device)
    return Drive(drive.pose_BTJ2, drive.confidence_BTJ, xy, visible, ids)
