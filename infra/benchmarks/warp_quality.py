"""How well the warp without weights follows figure and ground, against exact truth.

Run: python -m infra.benchmarks.warp_quality --size 64 --scenes 16
Masked PSNR in dB over scenes of held-out seeds; frame 0, the reference, is left out. Figures of whole pictures are
means over scenes and frames.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import count, islice

import numpy as np
import torch
from torch import Tensor

from models.annotators.rle import decode_mask
from models.generator.warp.memory import GroundMemory
from models.generator.warp.scene import Drive, Reference, WarpedScene, blank_points
from schemas.arrays import U8
from schemas.records import Annotation, Frames
from transforms.measures.fidelity import masked_psnr as psnr
from transforms.measures.matte import matte_iou
from transforms.pixels import rgb
from transforms.rasterising.selection import MOST, choose_points
from transforms.synthesis.drawing import SceneSettings, draw_scene
from transforms.synthesis.render import render
from transforms.synthesis.scene import Scene
from transforms.synthesis.truth import annotate_scene

HELD_OUT_SEED = 990_001
SEED_HELP = "of the scenes; on those of the default the share of the two averaged trainings of `pocket` was chosen"
CLIP_FRAMES = 8
CHAINS = ("last", "anchored", "painted")
LEAST_FIGURE = 0.02
"""Scenes whose person covers less of the first frame are passed over."""
CONTRAST = 0.8
"""Of the surroundings where they are lifted, so that they are not cut off at white."""


@dataclass(frozen=True)
class Truth:
    """Scenes of one size and length. video_BT3HW: 0..1; mask_BT1HW: the person; light_BT3: factors of the light.

    seed: what they were drawn with.
    """

    video_BT3HW: Tensor
    mask_BT1HW: Tensor
    light_BT3: Tensor
    annotations: tuple[Annotation, ...]
    cameras: tuple[str, ...]
    seed: int

    def clip(self, start: int, end: int, known: list[list[int]] | None = None) -> Drive:
        """The motion of some frames; points chosen anew at the first."""
        size = self.video_BT3HW.shape[-1]
        points = [
            choose_points(a.tracks, start, end, (size, size), MOST, (b, start), known=known[b] if known else ())
            for b, a in enumerate(self.annotations)
        ]
        pad = [MOST - len(p.ids_N) for p in points]
        if known is not None:
            known[:] = [p.ids_N.tolist() for p in points]
        poses = [a.persons[0].pose for a in self.annotations]
        return Drive(
            _stack([p.xy_TJ2[start:end] for p in poses]),
            _stack([p.confidence_TJ[start:end] for p in poses]),
            _stack([np.pad(p.xy_TN2, ((0, 0), (0, n), (0, 0))) for p, n in zip(points, pad, strict=True)]),
            _stack([np.pad(p.visible_TN, ((0, 0), (0, n))) for p, n in zip(points, pad, strict=True)]),
            _stack([np.pad(p.ids_N, (0, n), constant_values=-1) for p, n in zip(points, pad, strict=True)]),
        )

    def reference(self, frame: int = 0, picture: Tensor | None = None) -> Reference:
        """A frame with its person, or another picture in its place."""
        poses = [a.persons[0].pose for a in self.annotations]
        mask = self.mask_BT1HW[:, frame]
        return Reference(
            self.video_BT3HW[:, frame] if picture is None else picture,
            mask,
            mask,
            _stack([p.xy_TJ2[frame] for p in poses]),
            _stack([p.confidence_TJ[frame] for p in poses]),
        )

    def figure(self, made: Tensor, start: int = 0) -> float:
        """Masked PSNR of the figure, dB."""
        return self._psnr(made, start, figure=True)

    def ground(self, made: Tensor, start: int = 0) -> float:
        """Masked PSNR of the ground, dB."""
        return self._psnr(made, start, figure=False)

    def _psnr(self, made: Tensor, start: int, *, figure: bool) -> float:
        end = start + made.shape[1]
        mask = self.mask_BT1HW[:, start:end]
        return float(psnr(made, self.video_BT3HW[:, start:end], mask if figure else 1 - mask)[:, 1:].nanmean())


def make_truth(
    scenes: int,
    size: int,
    frames: int,
    seed: int = HELD_OUT_SEED,
    *,
    camera: str | None = None,
    steady_light: bool = False,
    lift: float | None = None,
) -> Truth:
    """Scenes with one person, seen at the first frame. camera, steady_light, lift: as in `held_out_scenes`."""
    videos, masks, lights, annotations, cameras = [], [], [], [], []
    drawn = held_out_scenes(size, frames, seed, camera=camera, steady_light=steady_light, lift=lift)
    for scene, pictures, annotation in islice(drawn, scenes):
        mask = np.stack([decode_mask(annotation.persons[0].mask, t) for t in range(frames)])
        videos.append(np.stack([rgb(pictures, t) for t in range(frames)]).astype(np.float32) / 255)
        masks.append(mask[:, None].astype(np.float32))
        lights.append(scene.gain_T3)
        annotations.append(annotation)
        cameras.append(scene.camera)
    video_BT3HW = _stack(videos).movedim(-1, 2)
    return Truth(video_BT3HW, _stack(masks), _stack(lights), tuple(annotations), tuple(cameras), seed)


def held_out_scenes(
    size: int,
    frames: int,
    seed: int = HELD_OUT_SEED,
    *,
    camera: str | None = None,
    steady_light: bool = False,
    lift: float | None = None,
) -> Iterator[tuple[Scene, Frames, Annotation]]:
    """Scenes whose person can be seen at the first frame, without end.

    camera: its kind, any if None. steady_light: that of the first frame all the time. lift: if given, the surroundings
    have less contrast and are brighter by that much, 0..1.
    """
    for index in count():
        scene = draw_scene((seed, index), SceneSettings(size, frames, Fraction(24), (1, 1), camera))
        if steady_light:
            scene = replace(scene, gain_T3=np.broadcast_to(scene.gain_T3[:1], scene.gain_T3.shape).copy())
        if lift is not None:
            scene = replace(scene, pictures=tuple(map(partial(_lifted, lift=lift), scene.pictures, scene.kinds)))
        pictures, labels = render(scene)
        annotation = annotate_scene(scene, labels)
        if annotation.persons and annotation.persons[0].mask.area_px[0] >= LEAST_FIGURE * size**2:
            yield scene, pictures, annotation


def _lifted(picture: U8, kind: str, lift: float) -> U8:
    """A premultiplied picture with its colours lifted, unless it is a person's."""
    if kind == "person":
        return picture
    colour, alpha = picture[..., :3].astype(np.float32), picture[..., 3:]
    return np.concatenate([np.round(CONTRAST * colour + lift * alpha).astype(np.uint8), alpha], -1)


def table(truth: Truth) -> list[tuple[str, float, float]]:
    """Rows of name, figure and ground in dB."""
    drive, scene = truth.clip(0, truth.video_BT3HW.shape[1]), WarpedScene.start(truth.reference())
    batch, frames = truth.video_BT3HW.shape[:2]
    others = torch.roll(torch.arange(batch), 1)
    wrong_pose = replace(drive, pose_BTJ2=drive.pose_BTJ2[others], confidence_BTJ=drive.confidence_BTJ[others])
    points = {name: getattr(drive, name)[others] for name in ("xy_BTN2", "visible_BTN", "ids_BN")}
    still = Drive(drive.pose_BTJ2, drive.confidence_BTJ, *blank_points(batch, frames, drive.pose_BTJ2.device))
    full, _ = scene.warp(drive)
    with_person = GroundMemory.start(truth.video_BT3HW[:, 0], torch.zeros_like(truth.mask_BT1HW[:, 0]))
    no_pose = replace(drive, pose_BTJ2=torch.full_like(drive.pose_BTJ2, torch.nan))
    bare, _ = replace(scene, memory=with_person).warp(no_pose)
    made = {
        "copy the reference": truth.video_BT3HW[:, :1].expand_as(truth.video_BT3HW),
        "ground warp": bare.rgb_BT3HW,
        "full warp": full.rgb_BT3HW,
        "full warp, shuffled pose": scene.warp(wrong_pose)[0].rgb_BT3HW,
        "full warp, shuffled tracks": scene.warp(replace(drive, **points))[0].rgb_BT3HW,
        "full warp, no tracks": scene.warp(still)[0].rgb_BT3HW,
    }
    rows = [(name, truth.figure(video), truth.ground(video)) for name, video in made.items()]
    fresh = (1 - truth.mask_BT1HW) * (full.valid_BT1HW < 0.5)
    known = (1 - truth.mask_BT1HW) * (full.valid_BT1HW >= 0.5)
    for name, part in (("newly seen ground", fresh), ("known ground", known)):
        enough = part * (part.sum((2, 3, 4), keepdim=True) > 20)
        ground = float(psnr(full.rgb_BT3HW, truth.video_BT3HW, enough)[:, 1:].nanmean())
        rows.append((f"full warp, {name}", float("nan"), ground))
    return rows


def figure_iou(truth: Truth) -> float:
    """Mean IoU of the warped figure with the person's mask."""
    warped, _ = WarpedScene.start(truth.reference()).warp(truth.clip(0, truth.video_BT3HW.shape[1]))
    return float(matte_iou(warped.alpha_BT1HW, truth.mask_BT1HW)[:, 1:].nanmean())


def chain(truth: Truth, kind: str) -> list[tuple[float, float]]:
    """Figure and ground in dB of clip after clip. kind: of CHAINS.

    `last`: each clip starts from the last frame of the one before. `anchored`: in the first reference. `painted`:
    anchored, and a perfect painter's new ground is taken up, which leaves the errors of registration alone.
    """
    rows, known = [], [[] for _ in truth.annotations]
    scene = WarpedScene.start(truth.reference())
    for start in range(0, truth.video_BT3HW.shape[1] - 1, CLIP_FRAMES - 1):
        warped, scene = scene.warp(truth.clip(start, start + CLIP_FRAMES, known))
        rows.append((truth.figure(warped.rgb_BT3HW, start), truth.ground(warped.rgb_BT3HW, start)))
        if kind == "painted":
            scene = scene.take_up(truth.video_BT3HW[:, start : start + CLIP_FRAMES], warped)
        if kind == "last":
            scene = WarpedScene.start(truth.reference(start + CLIP_FRAMES - 1, warped.rgb_BT3HW[:, -1]))
    return rows


def _stack(arrays: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(arrays))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--scenes", type=int, default=16)
    parser.add_argument("--clips", type=int, default=8, help="clips of the chain; 0 leaves it out")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    truth = make_truth(arguments.scenes, arguments.size, CLIP_FRAMES)
    print(f"{arguments.scenes} scenes, {arguments.size} px, {CLIP_FRAMES} frames\n{'':34}figure  ground, dB")
    for name, figure, ground in table(truth):
        print(f"{name:34}{figure:6.2f}  {ground:6.2f}")
    print(f"figure IoU {figure_iou(truth):.3f}")
    started = time.process_time()
    WarpedScene.start(truth.reference()).warp(truth.clip(0, CLIP_FRAMES))
    print(f"{1000 * (time.process_time() - started) / (arguments.scenes * CLIP_FRAMES):.1f} CPU ms a frame")
    if arguments.clips:
        long = make_truth(max(2, arguments.scenes // 2), arguments.size, 1 + arguments.clips * (CLIP_FRAMES - 1))
        for kind in CHAINS:
            print(f"{kind:10}", "  ".join(f"{f:.1f}/{g:.1f}" for f, g in chain(long, kind)))


if __name__ == "__main__":
    main()
