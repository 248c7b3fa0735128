"""How much a trained generator uses each condition: the rise of its loss with another clip's in the right one's place.

Run: python -m infra.benchmarks.condition_use --model DIR --clips 112
Two tables of the loss of the mean prediction (pure noise, nothing else dropped or disturbed). The first changes what
the network is shown: a raster, the global feature or the condition frames alone. The second changes what a user gives:
the pose, the points or the reference of another clip, for raster, warp and feature together. Each is given with the
condition frames, with the last frame in the place of warped ones (`disturb.drop_warp`; to plain repetition that is the
same), and with no condition at all, when rasters and feature are all there is. Beside each rise its standard error
over batches of 8 clips. Clips are synthetic, or those of --corpus. A batch takes the pocket of 128 px about a minute of
one CPU core.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import fmean, stdev

import torch

from models.generator.pipeline import HumanVideoPipeline
from models.generator.training.batch import ClipPoints, TrainingBatch
from models.generator.training.draws import step_generator
from models.generator.training.prepared import PreparedClip
from models.generator.training.step import Objective
from models.generator.training.trainee import Trainee
from models.generator.training.use import MEAN_ONLY, Given, each_shuffled, losses_by_condition
from pipelines.training.build import build_source
from pipelines.training.mix import SYNTHETIC, read_mix
from pipelines.training.prepare import drive, prepared, start_scene
from schemas.errors import ConfigError, FiguregroundError
from schemas.training import TrainedModelConfig, TrainingConfig, TrainingDataConfig

BATCH = 8
SHOWN, GIVEN = "what the network is shown", "what a user gives"
DISTURBANCES = {
    "with condition frames": MEAN_ONLY,
    "with the warp withheld": replace(MEAN_ONLY, drop_warp=1),
    "without": replace(MEAN_ONLY, drop_condition=1),
}


@dataclass(frozen=True)
class Rise:
    """Of the loss, relative; error: its standard error, NaN of a single batch."""

    mean: float
    error: float

    @classmethod
    def of(cls, right: Sequence[float], changed: Sequence[float]) -> Rise:
        """Of losses by batch."""
        risen = [(b - a) / fmean(right) for a, b in zip(right, changed, strict=True)]
        error = stdev(risen) / len(risen) ** 0.5 if len(risen) > 1 else float("nan")
        return cls(fmean(risen), error)

    def __str__(self) -> str:
        return f"{self.mean:+.2%} ({self.error:.2%})"


Tables = dict[str, dict[str, dict[str, Rise]]]
"""Rises by table, condition and column."""


def rise_tables(pipeline: HumanVideoPipeline, batches: Iterator[TrainingBatch], seed: int = 0) -> Tables:
    """Both tables, over batches of windows of one clip, each of at least two."""
    config = pipeline.unet.config
    model = TrainedModelConfig(
        condition=pipeline.config.condition, residual=config.residual, reference_network=config.reference_network
    )
    objective = Objective(pipeline.vae, pipeline.scheduler, pipeline.config.condition, TrainingConfig(model=model))
    trainee = Trainee(pipeline).eval()
    losses: dict[str, list[dict[str, float]]] = {column: [] for column in DISTURBANCES}
    for number, batch in enumerate(batches):
        clip, last = _clip(batch, batch), (batch.frames_BW3HW[:, 0] + 1) / 2
        changed = {f"{SHOWN}/{name}": given for name, given in each_shuffled(clip, last).items()}
        changed |= {f"{GIVEN}/{name}": given for name, given in given_shuffled(batch).items()}
        for column, disturb in DISTURBANCES.items():
            generator = step_generator(seed, number)
            if disturb.drop_condition:
                changed.pop(f"{SHOWN}/condition")
            losses[column].append(losses_by_condition(objective, trainee, (clip, last), changed, disturb, generator))
        print(f"batch {number + 1} done", file=sys.stderr)
    tables: Tables = {}
    for column, found_by_batch in losses.items():
        right = [found["right"] for found in found_by_batch]
        for key in found_by_batch[0].keys() - {"right"}:
            table, name = key.split("/")
            rise = Rise.of(right, [found[key] for found in found_by_batch])
            tables.setdefault(table, {}).setdefault(name, {})[column] = rise
    return tables


def given_shuffled(batch: TrainingBatch) -> dict[str, Given]:
    """The first clips with the pose, the points or the reference of the next one, as a user gives them: the warp, the
    rasters and the feature are all made from it. A first clip begins with its reference."""
    other = torch.roll(torch.arange(len(batch.frames_BW3HW)), 1)
    last = (batch.frames_BW3HW[:, 0] + 1) / 2
    posed = replace(batch, pose_BWJ2=batch.pose_BWJ2[other], confidence_BWJ=batch.confidence_BWJ[other])
    points = tuple(ClipPoints(p.xy_BTN2[other], p.visible_BTN[other], p.ids_BN[other]) for p in batch.points)
    reference = replace(
        posed,
        frames_BW3HW=batch.frames_BW3HW[other],
        figure_BW1HW=batch.figure_BW1HW[other],
        people_BW1HW=batch.people_BW1HW[other],
    )
    return {
        "pose": (_clip(posed, batch), last),
        "points": (_clip(replace(batch, points=points), batch), last),
        "reference": (_clip(replace(batch, other_B3HW=batch.other_B3HW[other]), reference), last[other]),
    }


@torch.no_grad()
def _clip(driven: TrainingBatch, reference: TrainingBatch) -> PreparedClip:
    """The first clip: rasters of one window, warped from frame 0 of another."""
    warped, _ = start_scene(reference).warp(drive(driven, 0))
    return prepared(driven, 0, warped)


def windows(pipeline: HumanVideoPipeline, corpora: Sequence[str], clips: int, seed: int) -> Iterator[TrainingBatch]:
    """Batches of windows as the generator was trained on, `clips` in all. Raises ConfigError where they are no two
    batches, or the generator says no size and length."""
    size, frames = pipeline.config.size, pipeline.config.clip_frames
    if size is None or frames is None:
        raise ConfigError("the generator does not say its size and length of a clip: save it by `figureground train`")
    if clips < 2 * BATCH or clips % BATCH:
        raise ConfigError(f"--clips {clips}: give a multiple of {BATCH}, {2 * BATCH} or more")
    config = TrainingConfig(data=TrainingDataConfig(size=size, frames=frames, batch=BATCH))
    return islice(build_source(read_mix(corpora), config, seed).batches(1, BATCH, 0), clips // BATCH)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder of a saved generator")
    parser.add_argument("--clips", type=int, default=112)
    parser.add_argument("--corpus", action="append", help="as `figureground train` takes it; synthetic without it")
    parser.add_argument("--seed", type=int, default=20_261_123, help="of the clips")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    corpora = arguments.corpus or [SYNTHETIC]
    try:
        pipeline = HumanVideoPipeline.from_pretrained(arguments.model)
        tables = rise_tables(pipeline, windows(pipeline, corpora, arguments.clips, arguments.seed))
    except FiguregroundError as error:
        sys.exit(str(error))
    print(f"{arguments.clips} clips of {', '.join(corpora)}: rise of the loss with another clip's (standard error)")
    for table in (SHOWN, GIVEN):
        print(f"\n{table:28}" + "".join(f"{column:>24}" for column in DISTURBANCES))
        for name in ("pose", "points", "reference", "condition"):
            if row := tables[table].get(name):
                print(f"{name:28}" + "".join(f"{row.get(column, '-')!s:>24}" for column in DISTURBANCES))


if __name__ == "__main__":
    main()
