"""What is looked at while a generator trains: pictures of held-out clips, and whether every condition is used.

Shape suffixes: B batch, T frames, H W pixels (last).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from models.generator.pipeline import HumanVideoPipeline
from models.generator.training.draws import step_generator
from models.generator.training.sampling import noise_for, sample_clip
from models.generator.training.step import Objective
from models.generator.training.trainee import Trainee
from models.generator.training.use import condition_use, ignored
from pipelines.training.curve import Curve
from pipelines.training.feeds import Fed

_SHOWN = 6
"""Clips in a grid."""
_STEPS = 6
"""Sampling steps."""


@dataclass(frozen=True, slots=True)
class Look:
    """Clips that are not trained on, and where pictures of them go. Called with the averaged weights in place."""

    fed: Fed
    objective: Objective
    curve: Curve
    out: Path

    def __call__(self, step: int, pipeline: HumanVideoPipeline) -> None:
        """Write a grid to out/samples, and the rise of the loss by shuffled conditions to the curve."""
        clip, last = self.fed.clip, self.fed.last_B3HW
        generator = step_generator(0, 0)
        noise = noise_for(pipeline, clip, generator)
        mean, made = (sample_clip(pipeline, clip, last, steps, noise) for steps in (1, _STEPS))
        picture = grid(
            [last[:, None], clip.pose_BT3HW, clip.points_BT3HW, clip.warped_BT3HW, mean, made, clip.frames_BT3HW]
        )
        _write_png(self.out / "samples" / f"step_{step:08d}.png", picture)
        if self.curve.board is not None:
            self.curve.board.add_image("samples", picture, step)
        uses = condition_use(self.objective, Trainee(pipeline), clip, last)
        self.curve.report(step, {f"use/{name}": rise for name, rise in uses.items()})
        if found := ignored(uses):
            self.curve.write(f"step {step}: ignored so far: {', '.join(found)}; another clip's does as well")


def grid(columns: list[Tensor]) -> Tensor:
    """(3, rows * H, columns * W): the last frame of each clip, one clip a row."""
    shown = [frames_BT3HW[:_SHOWN, -1].clamp(0, 1).cpu() for frames_BT3HW in columns]
    return torch.cat([torch.cat(list(column), 1) for column in shown], 2)


def _write_png(path: Path, picture_3HW: Tensor) -> None:
    import cv2

    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = (picture_3HW.movedim(0, -1) * 255).round().byte().numpy()
    cv2.imwrite(str(path), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
