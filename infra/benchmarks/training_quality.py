"""How well a trained generator follows figure and ground, beside the warp it corrects, on scenes held out.

Run: python -m infra.benchmarks.training_quality --model DIR --scenes 16
The scenes are those of `warp_quality`. Masked PSNR in dB, frame 0 left out; "sharpness" is the gradient energy of the
output over that of the true frames. "Begun elsewhere" shows the network what it is shown of a video whose first pose
is not the reference's: no true frame, only warped ones. ±: standard error of the mean over scenes. What the mean
prediction and samples gain over the full warp is told last, paired by scene and frame.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from infra.benchmarks.scene_means import Decibels, gain
from infra.benchmarks.warp_quality import CLIP_FRAMES, HELD_OUT_SEED, SEED_HELP, Truth, make_truth, psnr
from models.generator.pipeline import HumanVideoPipeline
from models.generator.training.prepared import PreparedClip
from models.generator.training.sampling import noise_for, sample_clip
from models.generator.warp.scene import Drive, WarpedScene, blank_points
from schemas.skeletons import BLAZEPOSE_33
from transforms.measures.fidelity import newly_seen
from transforms.rasterising.points import rasterise_points
from transforms.rasterising.skeleton import rasterise_skeleton

_LEAST_KNOWN_PX = 20
ELSEWHERE = ", begun elsewhere"


@dataclass(frozen=True)
class Row(Decibels):
    """Figures of one way of making the frames. known: ground that the warp knows, dB; sharpness is a ratio."""

    known: float
    sharpness: float

    @classmethod
    def heading(cls) -> str:
        """Column names, in the widths of `line`."""
        return f"{super().heading()}  known  sharpness"

    def line(self) -> str:
        """The row of a table."""
        return f"{super().line()}  {self.known:5.2f}  {self.sharpness:9.2f}"

    def facts(self) -> dict[str, float]:
        """The same by name, standard errors as NAME_error."""
        estimates = self.estimates()
        means = {name: mean for name, (mean, _) in estimates.items()}
        errors = {f"{name}_error": error for name, (_, error) in estimates.items()}
        return means | errors | {"known": self.known, "sharpness": self.sharpness}


def row(truth: Truth, made: Tensor, valid_BT1HW: Tensor) -> Row:
    """Figures of frames; valid: ground that the right warp knows."""
    ground = 1 - truth.mask_BT1HW
    known = ground * (valid_BT1HW >= 0.5)
    known = known * (known.sum((2, 3, 4), keepdim=True) > _LEAST_KNOWN_PX)
    masks = (truth.mask_BT1HW, ground, newly_seen(ground, valid_BT1HW), known)
    *parts, of_known = (psnr(made, truth.video_BT3HW, mask)[:, 1:] for mask in masks)
    sharpness = gradient_energy(made[:, 1:]) / gradient_energy(truth.video_BT3HW[:, 1:])
    return Row(*parts, float(of_known.nanmean()), sharpness)


def gradient_energy(video: Tensor) -> float:
    """Mean squared difference of neighbouring pixels."""
    return float(video.diff(dim=-1).square().mean() + video.diff(dim=-2).square().mean())


def prepared(truth: Truth, scene: WarpedScene, drive: Drive) -> PreparedClip:
    """A first clip, driven; a figure moved by another's pose stays the reference's."""
    size = truth.video_BT3HW.shape[-1]
    warped, _ = scene.warp(drive)
    people = truth.mask_BT1HW[:, : drive.xy_BTN2.shape[1]]
    return PreparedClip(
        truth.video_BT3HW[:, :CLIP_FRAMES],
        truth.mask_BT1HW[:, :CLIP_FRAMES],
        warped.rgb_BT3HW.clamp(0, 1),
        warped.valid_BT1HW,
        warped.alpha_BT1HW,
        rasterise_skeleton(drive.pose_BTJ2, drive.confidence_BTJ, BLAZEPOSE_33, size, size),
        rasterise_points(drive.xy_BTN2, drive.visible_BTN, people),
        truth.video_BT3HW[:, 0],
    )


def table(pipeline: HumanVideoPipeline, truth: Truth, steps: Sequence[int], *, whole: bool = True) -> dict[str, Row]:
    """All rows. steps: of the sampler, one row each. whole: with shuffled and missing conditions too."""
    drive, scene = truth.clip(0, CLIP_FRAMES), WarpedScene.start(truth.reference())
    right = prepared(truth, scene, drive)
    reference = truth.video_BT3HW[:, 0]
    noise = noise_for(pipeline, right, torch.Generator().manual_seed(1))
    rows = {
        "copy the reference": row(truth, reference[:, None].expand_as(truth.video_BT3HW), right.valid_BT1HW),
        "full warp": row(truth, right.warped_BT3HW, right.valid_BT1HW),
    }

    def add(name: str, clip: PreparedClip, count: int, without: Set[str] = frozenset()) -> None:
        rows[name] = row(truth, sample_clip(pipeline, clip, reference, count, noise, without), right.valid_BT1HW)

    ways = {"mean prediction": 1} | {f"sampled, {each} steps": each for each in steps}
    for name, count in ways.items():
        add(name, right, count)
    if pipeline.config.condition != "repeat":
        for name, count in ways.items():
            add(f"{name}{ELSEWHERE}", right, count, {"last"})
    if whole:
        for name, changed in shuffled(truth, drive).items():
            add(f"mean, {name}", prepared(truth, scene, changed), 1)
    return rows


def shuffled(truth: Truth, drive: Drive) -> dict[str, Drive]:
    """Drives with the pose or the tracks of another scene, and without tracks."""
    batch, frames = truth.video_BT3HW.shape[:2]
    others = torch.roll(torch.arange(batch), 1)
    tracks = {name: getattr(drive, name)[others] for name in ("xy_BTN2", "visible_BTN", "ids_BN")}
    return {
        "shuffled pose": replace(drive, pose_BTJ2=drive.pose_BTJ2[others], confidence_BTJ=drive.confidence_BTJ[others]),
        "shuffled tracks": replace(drive, **tracks),
        "no tracks": Drive(drive.pose_BTJ2, drive.confidence_BTJ, *blank_points(batch, frames, torch.device("cpu"))),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--scenes", type=int, default=16)
    parser.add_argument("--steps", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--seed", type=int, default=HELD_OUT_SEED, help=SEED_HELP)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    truth = make_truth(arguments.scenes, arguments.size, CLIP_FRAMES, arguments.seed)
    pipeline = HumanVideoPipeline.from_pretrained(arguments.model)
    started = time.process_time()
    rows = table(pipeline, truth, arguments.steps)
    if arguments.json:
        print(json.dumps({name: each.facts() for name, each in rows.items()}))
        return
    print(
        f"{arguments.scenes} scenes of seed {arguments.seed}, {arguments.size} px, {CLIP_FRAMES} frames, "
        f"{time.process_time() - started:.0f} s"
    )
    print(f"{'':34}{Row.heading()}")
    for name, each in rows.items():
        print(f"{name:34}{each.line()}")
    print("gain over the full warp")
    for name, each in rows.items():
        if name.startswith(("mean prediction", "sampled")):
            print(f"{name:34}{gain(each, rows['full warp'])}")


if __name__ == "__main__":
    main()
