"""Does the figure follow the pose, and the ground the points? Against exact truth, on scenes held out of training.

Run: python -m infra.benchmarks.disentanglement --model DIR --model OTHER --steps 4 --scenes 16
Models are folders that `save_pretrained` wrote; each is given the right conditions, then a shuffled pose (another
scene's), shuffled tracks, and none. "mean" is one step from pure noise, which gives the mean of all that may come;
"sampled" is a draw. Masked PSNR in dB; frame 0, the reference, is left out. IoU: of the figure's matte with its mask;
for the matte every scene is made twice more, before darker and brighter surroundings. track: error of the ground's
points followed again, over that of a ground that stands still. sharp: gradient energy over the true frames'. colour:
departure of the mean colour. ±: standard error of the mean over scenes. What "mean" and "sampled" gain over the full
warp is told last, paired by scene and frame.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from infra.benchmarks.held_out import (
    Figures,
    generate,
    load_models,
    make_lifted,
    matte,
    measure,
    no_tracks,
    shuffled_pose,
    shuffled_tracks,
)
from infra.benchmarks.scene_means import gain
from infra.benchmarks.warp_quality import HELD_OUT_SEED, SEED_HELP, Truth, make_truth
from models.generator.pipeline import HumanVideoPipeline
from models.generator.warp.memory import GroundMemory
from models.generator.warp.scene import Drive, WarpedScene

CHANGES = {
    "": lambda drive: drive,
    ", shuffled pose": shuffled_pose,
    ", shuffled tracks": shuffled_tracks,
    ", no tracks": no_tracks,
}


def baselines(truth: Truth, drive: Drive) -> Iterator[tuple[str, Tensor]]:
    """Videos made without weights, by name."""
    scene = WarpedScene.start(truth.reference())
    yield "true video", truth.video_BT3HW
    yield "copy the reference", truth.video_BT3HW[:, :1].expand_as(truth.video_BT3HW)
    with_person = GroundMemory.start(truth.video_BT3HW[:, 0], torch.zeros_like(truth.mask_BT1HW[:, 0]))
    nobody = replace(drive, pose_BTJ2=torch.full_like(drive.pose_BTJ2, torch.nan))
    yield "ground warp", replace(scene, memory=with_person).warp(nobody)[0].rgb_BT3HW
    for name, change in CHANGES.items():
        yield f"full warp{name}", scene.warp(change(drive))[0].rgb_BT3HW


def of_model(pipeline: HumanVideoPipeline, truth: Truth, drive: Drive, steps: int) -> Iterator[tuple[str, Tensor]]:
    """Videos of a pipeline, by name."""
    yield "mean", generate(pipeline, truth.reference(), [drive], 1)
    for name, change in CHANGES.items():
        yield f"sampled{name}", generate(pipeline, truth.reference(), [change(drive)], steps)


def videos(
    truth: Truth, drive: Drive, models: dict[str, HumanVideoPipeline], steps: int
) -> Iterator[tuple[str, Tensor]]:
    """All of them, by name."""
    yield from baselines(truth, drive)
    for model, pipeline in models.items():
        for name, made in of_model(pipeline, truth, drive, steps):
            yield f"{model}, {name}", made


def table(truth: Truth, models: dict[str, HumanVideoPipeline], steps: int) -> Iterator[tuple[str, Figures]]:
    """Rows of name and figures."""
    drive = truth.clip(0, truth.video_BT3HW.shape[1])
    known = WarpedScene.start(truth.reference()).warp(drive)[0].valid_BT1HW
    ways = (videos(scenes, drive, models, steps) for scenes in (truth, *make_lifted(truth)))
    for (name, made), (_, dark), (_, bright) in zip(*ways, strict=True):
        yield name, measure(made, matte(dark, bright, truth), truth, drive, known)


def gaining(models: dict[str, HumanVideoPipeline]) -> list[str]:
    """Rows that are told beside the full warp."""
    return [f"{model}, {way}" for model in models for way in ("mean", "sampled")]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, action="append", default=[])
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--scenes", type=int, default=16)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--seed", type=int, default=HELD_OUT_SEED, help=SEED_HELP)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    truth = make_truth(arguments.scenes, arguments.size, arguments.frames, arguments.seed)
    models = load_models(arguments.model)
    print(
        f"{arguments.scenes} scenes of seed {arguments.seed}, {arguments.size} px, {arguments.frames} frames, "
        f"{arguments.steps} steps"
    )
    print(f"{'':42}{Figures.heading()}")
    rows: dict[str, Figures] = {}
    for name, figures in table(truth, models, arguments.steps):
        rows[name] = figures
        print(f"{name:42}{figures.line()}", flush=True)
    if models:
        print("gain over the full warp")
    for name in gaining(models):
        print(f"{name:42}{gain(rows[name], rows['full warp'])}")


if __name__ == "__main__":
    main()
