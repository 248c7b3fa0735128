"""A stage small enough to run in a second, and clips for it."""

from __future__ import annotations

from pathlib import Path

import torch
from accelerate import Accelerator

from models.generator.training.draws import step_generator
from models.generator.training.prepared import PreparedClip
from pipelines.training.build import build_pipeline
from pipelines.training.curve import Curve
from pipelines.training.feeds import Fed
from pipelines.training.trainer import Trainer
from schemas.config_loading import load_training_config
from schemas.training import TrainingConfig

SIZE, FRAMES = 16, 3
TINY = (
    f"data.size={SIZE}", f"data.frames={FRAMES}", "data.batch=2", "model.widths=[8, 8, 16]", "log_every=1",
    "checkpoint_every=2", "look_every=100", "optimizer.learning_rate=0.01",
)  # fmt: skip


def stage(*settings: str) -> TrainingConfig:
    return load_training_config(None, (*TINY, *settings))


class Noise:
    """A feed of random pictures, given by the step."""

    def fed(self, step: int, generator: torch.Generator) -> Fed:
        drawn = step_generator(99, step)

        def picture(channels: int) -> torch.Tensor:
            return torch.rand(2, FRAMES, channels, SIZE, SIZE, generator=drawn)

        clip = PreparedClip(
            picture(3), picture(1).round(), picture(3), picture(1), picture(1), picture(3), picture(3), picture(3)[:, 0]
        )
        return Fed(clip, clip.frames_BT3HW[:, 0])


def trainer(out: Path, config: TrainingConfig) -> Trainer:
    return Trainer(build_pipeline(config), config, out, Accelerator(cpu=True))


def run(out: Path, config: TrainingConfig, feed: object = None) -> Trainer:
    """A stage run to its end, or on from where it stopped."""
    out.mkdir(parents=True, exist_ok=True)
    made = trainer(out, config)
    made.run(feed or Noise(), Curve(out, config.steps, config.log_every, lambda line: None))
    return made
