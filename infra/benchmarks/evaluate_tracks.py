"""Does the track error of `evaluate` tell ground that follows its tracks from ground that follows another clip's?

Run: python -m infra.benchmarks.evaluate_tracks --scenes 100 --size 128
Scenes held out of training, each rendered twice by the warp: with its own tracks, and with those of the next scene.
Both are encoded, the persons are looked for in them again, and the ground is measured against the scene's own tracks,
as `evaluate` does it. Pairs in which neither ground moves by half a pixel (of a shorter side of 256) have nothing to
tell apart, and are counted by themselves.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

import cv2
import numpy as np
import torch
from torch import Tensor

from infra.benchmarks.held_out import shuffled_tracks
from infra.benchmarks.warp_quality import Truth, make_truth
from models.annotators.base import PoseAnnotator
from models.annotators.factory import create_pose
from models.annotators.rle import union_mask
from models.generator.warp.scene import WarpedScene
from pipelines.render import encode_pictures
from schemas.config import Config
from schemas.records import Frames
from transforms.encoding.h264 import decode_frames
from transforms.measures.ground import GroundError, ground_error

_MOVES_PX = 0.5
_RIGHT = 0.5
"""Ratio below which a ground is called right."""


@dataclass(frozen=True)
class Pair:
    """The same scene by its own tracks and by another's. moves: whether either ground does."""

    right: GroundError
    wrong: GroundError
    moves: bool

    @property
    def told_apart(self) -> bool:
        """The right one has the smaller error."""
        return self.right.error < self.wrong.error


def pairs(truth: Truth, pose: PoseAnnotator) -> Iterator[Pair]:
    """One for each scene whose ground can be followed."""
    frames = truth.video_BT3HW.shape[1]
    drive, scene = truth.clip(0, frames), WarpedScene.start(truth.reference())
    right, wrong = (scene.warp(way)[0].rgb_BT3HW for way in (drive, shuffled_tracks(drive)))
    found = [[measure(video[b], truth, b, pose) for video in (right, wrong)] for b in range(len(right))]
    for b, (own, other) in enumerate(found):
        if own is not None and other is not None:
            driver = found[b - 1][0]  # whose tracks drove the wrong one
            levels = [own.still, 0.0 if driver is None else driver.still]
            yield Pair(own, other, max(levels) >= _MOVES_PX)


def measure(video_T3HW: Tensor, truth: Truth, index: int, pose: PoseAnnotator) -> GroundError | None:
    """Of an encoded video, against the tracks of a scene."""
    frames = encoded(video_T3HW)
    masks = [person.mask for person in pose.annotate(frames) if person.mask is not None]
    people = np.stack([union_mask(masks, t, frames.height, frames.width) for t in range(len(frames))])
    return ground_error(frames.luma_THW, truth.annotations[index].tracks, people)


def encoded(video_T3HW: Tensor, fps: Fraction = Fraction(24)) -> Frames:
    """As it comes out of a renderer's file."""
    pixels = (video_T3HW.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    return decode_frames(encode_pictures(map(np.ascontiguousarray, pixels), fps).video, fps)


def summary(found: list[Pair]) -> dict[str, float]:
    """Shares, and medians of the ratios."""
    moving = [pair for pair in found if pair.moves]
    ratios = [(p.right.ratio, p.wrong.ratio) for p in found if p.right.ratio is not None and p.wrong.ratio is not None]
    right, wrong = (np.array(side, np.float64) for side in zip(*ratios, strict=True))
    return {
        "pairs": len(found),
        "told apart": _share([pair.told_apart for pair in found]),
        "pairs in which a ground moves": len(moving),
        "told apart, of these": _share([pair.told_apart for pair in moving]),
        "pairs whose own ground moves": len(ratios),
        "right ones below half of still": _share(right < _RIGHT),
        "wrong ones above": _share(wrong >= _RIGHT),
        "median ratio, right": float(np.median(right)),
        "median ratio, wrong": float(np.median(wrong)),
    }


def _share(told: list[bool] | np.ndarray) -> float:
    return float(np.mean(told)) if len(told) else float("nan")


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=100)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--frames", type=int, default=16)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    started = time.process_time()
    truth = make_truth(arguments.scenes, arguments.size, arguments.frames)
    found = list(islice(pairs(truth, create_pose(Config(), 1)), arguments.scenes))
    print(f"{arguments.scenes} scenes, {arguments.size} px, {arguments.frames} frames")
    for name, value in summary(found).items():
        print(f"{name:34} {value:.3f}" if isinstance(value, float) else f"{name:34} {value}")
    print(f"{time.process_time() - started:.0f} CPU s")


if __name__ == "__main__":
    main()
