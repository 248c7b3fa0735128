"""What each component of the paper's network brings: trained with and without it, with equal steps and pictures.

Run: python -m infra.benchmarks.component_ablation --out DIR --steps 5000
The network is a pocket of reduced width and size with the paper's plain repetition, unless a row says otherwise. It
learns the mean prediction alone (pure noise), as a residual to the repeated frame, so that a short training tells
something. What a row is trained without, it is also rendered without. Each row is a run of `figureground train` in its
folder, so the command goes on where it was stopped; --only TEXT makes the rows whose names hold it. Masked PSNR in dB
of the mean prediction on held-out scenes, frame 0 left out; "flicker" is the mean absolute change of its error from
frame to frame, in 1/255; pose and points: by how much its squared error rises with another clip's.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from infra.benchmarks.training_quality import prepared, row
from infra.benchmarks.warp_quality import CLIP_FRAMES, Truth, make_truth
from models.generator.pipeline import HumanVideoPipeline
from models.generator.training.prepared import PreparedClip
from models.generator.training.sampling import noise_for, sample_clip
from models.generator.warp.scene import WarpedScene
from pipelines.training.run import train
from pipelines.training_data.dataset import Share
from schemas.config_loading import load_training_config
from schemas.training import DisturbanceConfig, TrainingConfig


@dataclass(frozen=True)
class Variant:
    """without: conditions it is trained and rendered without. motion: with motion blocks. warped: the condition.

    reference_network: with one, which the paper's network does not have.
    """

    name: str
    without: frozenset[str] = field(default_factory=frozenset)
    motion: bool = True
    warped: bool = False
    reference_network: bool = False

    def config(self, base: TrainingConfig) -> TrainingConfig:
        """Its stage; single frames cost no motion, and come as many at a time as clips would bring."""
        disturb = replace(base.disturb, **{f"drop_{name}": 1.0 for name in self.without})
        condition = "warped-last12" if self.warped else "repeat"
        model = replace(base.model, condition=condition, residual=True, reference_network=self.reference_network)
        data = base.data if self.motion else replace(base.data, batch=base.data.batch * base.data.frames)
        return replace(base, stage="video" if self.motion else "images", disturb=disturb, model=model, data=data)

    @property
    def folder(self) -> str:
        """A file name."""
        return self.name.replace(" ", "_")


VARIANTS = (
    Variant("whole"),
    Variant("no background encoder", frozenset({"points"})),
    Variant("no foreground encoder", frozenset({"pose"})),
    Variant("no global feature", frozenset({"reference"})),
    Variant("no condition frame", frozenset({"condition"})),
    Variant("no motion block", motion=False),
    Variant("warped condition", warped=True),
    Variant("with a reference network", reference_network=True),
)


def base_config(arguments: argparse.Namespace) -> TrainingConfig:
    """The stage that all rows share."""
    read = load_training_config()
    return replace(
        read,
        steps=arguments.steps,
        seed=arguments.seed,
        model=replace(read.model, widths=tuple(arguments.widths)),
        data=replace(
            read.data,
            size=arguments.size,
            batch=arguments.batch,
            pool=arguments.out / "pool",
            pool_shards=arguments.shards,
        ),
        disturb=DisturbanceConfig(0, 0, 0, 0, condition_noise=0.05, pure_noise=1),
        optimizer=replace(read.optimizer, learning_rate=arguments.rate, decay_steps=arguments.steps // 2, ema=0.99),
        checkpoint_every=500,
        look_every=arguments.steps,
    )


def figures(pipeline: HumanVideoPipeline, variant: Variant, truth: Truth, clip: PreparedClip) -> str:
    """A line of the table."""
    reference = truth.video_BT3HW[:, 0]
    noise = noise_for(pipeline, clip, torch.Generator().manual_seed(1))

    def mean(given: PreparedClip) -> Tensor:
        return sample_clip(pipeline, given, reference, 1, noise, variant.without)

    def error(made_BT3HW: Tensor) -> float:
        return float((made_BT3HW - truth.video_BT3HW)[:, 1:].square().mean())

    made = mean(clip)
    quality = row(truth, made, clip.valid_BT1HW)
    pose = error(mean(replace(clip, pose_BT3HW=clip.pose_BT3HW.roll(1, 0)))) / error(made) - 1
    points = error(mean(replace(clip, points_BT3HW=clip.points_BT3HW.roll(1, 0)))) / error(made) - 1
    return (
        f"{variant.name:24}{quality.figure:6.2f}  {quality.ground:6.2f}  {quality.fresh:10.2f}  {quality.known:5.2f}  "
        f"{flicker(made, truth.video_BT3HW):7.2f}  {pose:5.1%}  {points:6.1%}"
    )


def flicker(made_BT3HW: Tensor, true_BT3HW: Tensor) -> float:
    """Mean absolute change of the error from frame to frame, in 1/255."""
    return float((made_BT3HW - true_BT3HW)[:, 1:].diff(dim=1).abs().mean()) * 255


def main() -> None:
    """Train what is not trained yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", default="", metavar="TEXT")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--shards", type=int, default=200)
    parser.add_argument("--widths", type=int, nargs=3, default=[16, 32, 64])
    parser.add_argument("--scenes", type=int, default=48)
    parser.add_argument("--seed", type=int, default=20_261_122)
    arguments = parser.parse_args()
    variants = [variant for variant in VARIANTS if arguments.only in variant.name]
    if not variants:
        parser.error(f"no row's name holds {arguments.only!r}; rows: {', '.join(v.name for v in VARIANTS)}")
    torch.set_num_threads(1)
    base = base_config(arguments)
    truth = make_truth(arguments.scenes, base.data.size, CLIP_FRAMES)
    drive, scene = truth.clip(0, CLIP_FRAMES), WarpedScene.start(truth.reference())
    clip = prepared(truth, scene, drive)
    print(f"{'':24}figure  ground  newly seen  known  flicker   pose  points", flush=True)
    for variant in variants:
        folder = arguments.out / variant.folder
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "log.txt").open("a") as log:
            say = partial(print, file=log, flush=True)
            trained = train((Share("synthetic"),), variant.config(base), folder, say)
        print(figures(HumanVideoPipeline.from_pretrained(trained.model), variant, truth, clip), flush=True)


if __name__ == "__main__":
    main()
