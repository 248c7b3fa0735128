"""Three poses by three grounds, from one reference each: the figure must follow its row, the ground its column.

Run: python -m infra.benchmarks.control_grid --model DIR --out docs/control.jpg
Each cell shows one person in one place, at first, middle and last frame: rows share a driving pose, columns the tracks
of the ground; on the left the pose, above the points. Beside the picture it prints, for every cell, the error of its
ground against its column's tracks and against the other columns', in px: the right one must be the least.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from infra.benchmarks.held_out import generate
from infra.benchmarks.warp_quality import Truth, make_truth
from models.generator.pipeline import HumanVideoPipeline
from models.generator.warp.renderer import WarpRenderer
from models.generator.warp.scene import Drive, Reference
from pipelines.render_clips import Rasters
from schemas.records import Tracks
from schemas.skeletons import BLAZEPOSE_33
from transforms.measures.track_error import track_error
from transforms.rasterising.selection import MOST, choose_points
from transforms.retarget import retarget
from transforms.track_presets.tracks import preset_tracks

GROUNDS = ("pan", "zoom", "rotate")
_STRENGTH = 1.5
_FPS = Fraction(8)
"""Slow enough that a preset does much of its motion within one clip."""
_GAP_PX = 6


def cell_drive(truth: Truth, pose_of: int, reference_of: int, tracks: Tracks, frames: int) -> Drive:
    """One scene's pose, retargeted to another's person, over given tracks."""
    size = truth.video_BT3HW.shape[-1]
    driving = truth.annotations[pose_of].persons[0].pose
    own = truth.annotations[reference_of].persons[0].pose
    pose = driving if pose_of == reference_of else retarget(driving, own.xy_TJ2[0], own.confidence_TJ[0])
    points = choose_points(tracks, 0, frames, (size, size), MOST, (0,))
    return Drive(
        torch.from_numpy(pose.xy_TJ2[None, :frames]),
        torch.from_numpy(pose.confidence_TJ[None, :frames]),
        torch.from_numpy(points.xy_TN2[None]),
        torch.from_numpy(points.visible_TN[None]),
        torch.from_numpy(points.ids_N[None]),
    )


def make(pipeline: HumanVideoPipeline | None, reference: Reference, drive: Drive, steps: int) -> Tensor:
    """(T, 3, H, W) frames of a model, or of the warp."""
    if pipeline is None:
        return next(iter(WarpRenderer().render(reference, [drive])))[0]
    return generate(pipeline, reference, [drive], steps)[0]


def row_of(reference: Reference, index: int) -> Reference:
    """One of a batch of references."""
    names = ("picture_B3HW", "mask_B1HW", "people_B1HW", "pose_BJ2", "confidence_BJ")
    return replace(reference, **{name: getattr(reference, name)[index : index + 1] for name in names})


def strip(frames_T3HW: Tensor, scale: int) -> np.ndarray:
    """First, middle and last frame side by side, (h, w, 3) RGB."""
    chosen = frames_T3HW[[0, len(frames_T3HW) // 2, -1]].clamp(0, 1).mul(255).byte().permute(0, 2, 3, 1).numpy()
    row = np.concatenate(list(chosen), 1)
    return cv2.resize(row, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)


def framed(cells: list[list[np.ndarray]]) -> np.ndarray:
    """Cells of one size in a white grid."""
    rows = [np.concatenate([_padded(cell) for cell in row], 1) for row in cells]
    return np.concatenate(rows, 0)


def _padded(cell: np.ndarray) -> np.ndarray:
    return np.pad(cell, ((_GAP_PX, 0), (_GAP_PX, 0), (0, 0)), constant_values=255)


def errors(made: Tensor, drives: list[Drive]) -> list[float]:
    """Track error of one video against each ground's tracks, px."""
    luma = made.mean(1).clamp(0, 1).mul(255).byte().numpy()
    return [track_error(luma, d.xy_BTN2[0].numpy(), d.visible_BTN[0].numpy()) for d in drives]


def main() -> None:
    """Write the picture and print the errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="default: the warp")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--poses", type=int, nargs=3, default=(11, 12, 22), help="held-out scenes, by number")
    parser.add_argument("--people", type=int, nargs=3, default=(22, 8, 16), help="scenes of the references")
    parser.add_argument("--out", type=Path, default=Path("control.jpg"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    size, frames = arguments.size, arguments.frames
    truth = make_truth(max(*arguments.poses, *arguments.people) + 1, size, frames)
    pipeline = None if arguments.model is None else HumanVideoPipeline.from_pretrained(arguments.model)
    grounds = [preset_tracks(name, frames, size, size, _FPS, 1, _STRENGTH) for name in GROUNDS]
    scale = max(1, 128 // size)
    cells: list[list[np.ndarray]] = []
    for pose_of, reference_of in zip(arguments.poses, arguments.people, strict=True):
        reference = row_of(truth.reference(), reference_of)
        drives = [cell_drive(truth, pose_of, reference_of, tracks, frames) for tracks in grounds]
        rasters = [Rasters(reference, BLAZEPOSE_33).draw(drive) for drive in drives]
        if not cells:
            blank = np.full_like(strip(reference.picture_B3HW.expand(frames, -1, -1, -1), scale), 255)
            cells.append([blank, *(strip(points[0], scale) for _, points in rasters)])
        made = [make(pipeline, reference, drive, arguments.steps) for drive in drives]
        cells.append([strip(rasters[0][0][0], scale), *(strip(video, scale) for video in made)])
        for name, video in zip(GROUNDS, made, strict=True):
            listed = ", ".join(f"{g} {e:.2f}" for g, e in zip(GROUNDS, errors(video, drives), strict=True))
            print(f"pose of scene {pose_of}, person of scene {reference_of}, ground {name}: track error in px {listed}")
    cv2.imwrite(str(arguments.out), cv2.cvtColor(framed(cells), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])
    print(arguments.out)


if __name__ == "__main__":
    main()
