"""Sixteen clips in a row: does anything fade, drift in colour, or come back as something else?

Run: python -m infra.benchmarks.long_chain --model DIR --model OTHER --clips 16 --scenes 8
The first clip, the second and the last (--every: all) against the true video: figure / ground / the part of it that the
reference shows, in dB, and the error of the mean colour; then the change a clip by a straight line through the second
and later clips. The ways of chaining:
- of a model trained with `condition: repeat`, "plain chaining", the paper's: every clip goes on from the last latent of
  the one before, the global feature stays the first reference's;
- of a model made for a warped condition, "anchored" in the first reference, as it renders, and "from the last frame",
  where every clip begins a new video from the last frame made;
- each also with no global feature;
- the warp without weights, anchored and from the last frame.
Then a camera that pans away and back over a still picture: the ground of the last clip, which shows the first view
again, beside that of the first clip.
--only TEXT takes the chains whose names hold it, so that a long table can be made in pieces.
--camera KIND and --steady-light take causes of a drift away: a ground never seen before, and light that changes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from infra.benchmarks.held_out import load_models, mean
from infra.benchmarks.warp_quality import Truth, make_truth
from models.generator.pipeline import HumanVideoPipeline, Sampling, VideoInputs
from models.generator.warp.renderer import WarpRenderer
from models.generator.warp.scene import Drive, Reference, WarpedScene
from pipelines.render_clips import Rasters
from schemas.errors import ConfigError
from schemas.records import Annotation, PersonAnnotation
from schemas.skeletons import BLAZEPOSE_33
from transforms.measures.fidelity import colour_error, masked_psnr
from transforms.measures.slope import slope
from transforms.synthesis.drawing import CAMERA_SHARES

PLAIN = "repeat"
"""The condition of a model that chains as the paper does."""

Chain = Callable[[], Iterator[Tensor]]
"""Clips (B, T, 3, H, W) one after the other, each with the frame that it shares with the one before."""


@dataclass(frozen=True)
class ClipFigures:
    """figure, ground, seen (the ground that the reference shows): dB. colour: error of the mean colour, 0..1."""

    figure: float
    ground: float
    seen: float
    colour: float


def drives(truth: Truth, clips: int, frames: int) -> list[Drive]:
    """The motion of chained clips."""
    known: list[list[int]] = [[] for _ in truth.annotations]
    return [truth.clip(k * (frames - 1), k * (frames - 1) + frames, known) for k in range(clips)]


def chained(
    pipeline: HumanVideoPipeline, reference: Reference, given: list[Drive], steps: int, *, feature: bool = True
) -> Iterator[Tensor]:
    """A pipeline's clips in its own way. feature: with the global feature of the reference, else with none."""
    rasters = Rasters(reference, BLAZEPOSE_33)
    clips = [rasters.clip(drive, first=not k) for k, drive in enumerate(given)]
    count = len(reference.picture_B3HW)
    videos = [VideoInputs(reference.picture_B3HW[b], b, [clip[b] for clip in clips]) for b in range(count)]
    states = [pipeline.begin(video) for video in videos]
    if not feature:
        states = [replace(s, global_feature_NE=torch.zeros_like(s.global_feature_NE)) for s in states]
    last = reference.picture_B3HW
    results = pipeline.stream(videos, Sampling(steps), states)
    for _ in given:
        made = torch.stack([next(results).frames_T3HW for _ in range(count)])
        whole = made if made.shape[1] == given[0].pose_BTJ2.shape[1] else torch.cat([last[:, None], made], 1)
        last = whole[:, -1]
        yield whole


def from_last(make: Callable[[Reference, Drive], Tensor], truth: Truth, given: list[Drive]) -> Iterator[Tensor]:
    """Every clip a new video from the last frame made, with the true mask of that frame."""
    reference = truth.reference()
    for k, drive in enumerate(given):
        made = make(reference, drive)
        yield made
        if k + 1 < len(given):
            reference = truth.reference((k + 1) * (made.shape[1] - 1), made[:, -1].clamp(0, 1))


def seen_ground(truth: Truth, given: list[Drive]) -> list[Tensor]:
    """(B, T, 1, H, W) of every clip: ground that the reference shows, by the warp's own account."""
    return [warped.valid_BT1HW for warped in WarpRenderer().warp(truth.reference(), given)]


def figures(truth: Truth, clips: Iterator[Tensor], seen: list[Tensor]) -> list[ClipFigures]:
    """Clip after clip, without the frame it shares with the one before. seen: what `seen_ground` gives."""
    rows, start = [], 0
    for made, known in zip(clips, seen, strict=True):
        frames = slice(start + 1, start + made.shape[1])
        true, mask, own = truth.video_BT3HW[:, frames], truth.mask_BT1HW[:, frames], made[:, 1:].clamp(0, 1)
        rows.append(
            ClipFigures(
                mean(masked_psnr(own, true, mask)),
                mean(masked_psnr(own, true, 1 - mask)),
                mean(masked_psnr(own, true, (1 - mask) * known[:, 1:])),
                mean(colour_error(own, true)),
            )
        )
        start += made.shape[1] - 1
    return rows


def chains(truth: Truth, given: list[Drive], models: dict[str, HumanVideoPipeline], steps: int) -> dict[str, Chain]:
    """Ways of chaining, by name."""
    reference = truth.reference()
    named: dict[str, Chain] = {
        "warp, from the last frame": lambda: from_last(
            lambda r, d: WarpedScene.start(r).warp(d)[0].rgb_BT3HW, truth, given
        ),
        "warp, anchored": lambda: (w.rgb_BT3HW for w in WarpRenderer().warp(reference, given)),
    }
    for name, model in models.items():
        for suffix, feature in (("", True), (", no global feature", False)):
            make = partial(chained, model, steps=steps, feature=feature)
            if model.config.condition == PLAIN:
                named[f"{name}, plain chaining{suffix}"] = partial(make, reference, given)
                continue
            named[f"{name}, from the last frame{suffix}"] = partial(from_last, partial(_one, make), truth, given)
            named[f"{name}, anchored{suffix}"] = partial(make, reference, given)
    return named


def _one(make: Callable[[Reference, list[Drive]], Iterator[Tensor]], reference: Reference, drive: Drive) -> Tensor:
    """A video of a single clip."""
    return next(make(reference, [drive]))


def chosen(named: dict[str, Chain], only: Sequence[str]) -> dict[str, Chain]:
    """Those whose names hold one of the texts; all without any. Raises ConfigError where none is left."""
    kept = {name: chain for name, chain in named.items() if not only or any(text in name for text in only)}
    if not kept:
        raise ConfigError(f"no chain's name holds {' or '.join(map(repr, only))}; there are: {'; '.join(named)}")
    return kept


def there_and_back(truth: Truth, frames: int) -> Truth:
    """The first so many frames of a truth, then the same backwards: its last frame is its first."""
    index = torch.cat([torch.arange(frames), torch.arange(frames - 1).flip(0)])
    annotations = tuple(_at(annotation, index.numpy()) for annotation in truth.annotations)
    video, mask, light = (of[:, index] for of in (truth.video_BT3HW, truth.mask_BT1HW, truth.light_BT3))
    return replace(truth, video_BT3HW=video, mask_BT1HW=mask, light_BT3=light, annotations=annotations)


def _at(annotation: Annotation, index_T: np.ndarray) -> Annotation:
    """Main person and points at some frames; masks are left behind."""
    main, tracks = annotation.persons[0], annotation.tracks
    pose = replace(
        main.pose,
        xy_TJ2=main.pose.xy_TJ2[index_T],
        confidence_TJ=main.pose.confidence_TJ[index_T],
        present_T=main.pose.present_T[index_T],
    )
    moved = replace(
        tracks,
        xy_NT2=tracks.xy_NT2[:, index_T],
        visible_NT=tracks.visible_NT[:, index_T],
        on_person_NT=tracks.on_person_NT[:, index_T],
    )
    return replace(annotation, persons=(PersonAnnotation(pose, main.mask),), tracks=moved)


def lines(rows: list[ClipFigures], *, every: bool) -> Iterator[str]:
    """One way of chaining: clips 1, 2 and the last, or every one, and the change a clip after the second."""
    for k, row in enumerate(rows):
        if every or k in (0, 1, len(rows) - 1):
            yield f"  clip {k + 1:3}  {row.figure:5.1f} / {row.ground:5.1f} / {row.seen:5.1f}  colour {row.colour:.3f}"
    fields = ("figure", "ground", "seen", "colour")
    figure, ground, seen, colour = (slope([getattr(row, field) for row in rows], 1) for field in fields)
    yield f"  a clip    {figure:+z5.2f} / {ground:+z5.2f} / {seen:+z5.2f}  colour {colour:+z.4f}"


def main() -> None:
    """Print the chains."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, action="append", default=[])
    parser.add_argument("--only", action="append", default=[], metavar="TEXT")
    parser.add_argument("--every", action="store_true")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--scenes", type=int, default=8)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--clips", type=int, default=16)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--camera", choices=CAMERA_SHARES)
    parser.add_argument("--steady-light", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    clips, frames, only = arguments.clips, arguments.frames, arguments.only
    if clips < 2:
        parser.error("a chain has at least two clips")
    models = load_models(arguments.model)
    length = clips * (frames - 1) + 1
    truth = make_truth(
        arguments.scenes, arguments.size, length, camera=arguments.camera, steady_light=arguments.steady_light
    )
    print(f"{arguments.scenes} scenes, {arguments.size} px, {clips} clips of {frames} frames, {arguments.steps} steps")
    print("figure / ground / of it what the reference shows, dB; error of the mean colour, 0..1")
    given = drives(truth, clips, frames)
    seen = seen_ground(truth, given)
    for name, chain in chosen(chains(truth, given, models, arguments.steps), only).items():
        print(name)
        print(*lines(figures(truth, chain(), seen), every=arguments.every), sep="\n", flush=True)
    print("ground, pan away and back")
    returning = there_and_back(truth, clips // 2 * (frames - 1) + 1)
    given = drives(returning, clips // 2 * 2, frames)
    seen = seen_ground(returning, given)
    for name, chain in chosen(chains(returning, given, models, arguments.steps), only).items():
        rows = figures(returning, chain(), seen)
        print(f"  {name:50} first clip {rows[0].ground:.1f} dB, last clip {rows[-1].ground:.1f} dB", flush=True)


if __name__ == "__main__":
    main()
