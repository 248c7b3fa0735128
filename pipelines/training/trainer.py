"""The loop of one stage: steps, logs, checkpoints, and a stop where numbers are no numbers.

The state between two steps is weights, average, moments and the number of the step; see `checkpoint`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from accelerate import Accelerator
from safetensors.torch import save_file

from models.generator.pipeline import HumanVideoPipeline
from models.generator.training.draws import step_generator
from models.generator.training.ema import MovingAverage
from models.generator.training.step import Losses, Objective
from models.generator.training.trainee import Trainee
from pipelines.training.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint, settings_tree
from pipelines.training.curve import Curve
from pipelines.training.feeds import Fed, Feed
from schemas.errors import GenerationError
from schemas.training import OptimizerConfig, TrainingConfig

Look = Callable[[int, HumanVideoPipeline], None]
"""Called with the step and the pipeline while it holds the averaged weights."""


class Trainer:
    """One stage in one folder; made again on the same folder it goes on after the last checkpoint."""

    def __init__(
        self,
        pipeline: HumanVideoPipeline,
        config: TrainingConfig,
        out: Path,
        accelerator: Accelerator,
        corpora: Sequence[str] = (),
    ) -> None:
        """corpora: what it is fed from, in words; it may not change in a folder, and nor may the settings."""
        self.pipeline, self.config, self.out, self.accelerator = pipeline, config, out, accelerator
        self.trainee = Trainee(pipeline).to(accelerator.device)
        pipeline.vae.to(accelerator.device).requires_grad_(False)
        learning = [p for p in self.trainee.parameters() if p.requires_grad]
        settings = config.optimizer
        self.optimizer = torch.optim.AdamW(
            learning, lr=settings.learning_rate, betas=(0.9, settings.beta2), weight_decay=settings.weight_decay
        )
        self.average = MovingAverage(self.trainee, settings.ema)
        self.objective = Objective(pipeline.vae, pipeline.scheduler, pipeline.config.condition, config)
        self._settings = settings_tree(config, corpora)
        self.step, self._half_done = self._resume(), False
        self._wrapped, self._stepper = accelerator.prepare(self.trainee, self.optimizer)

    def run(self, feed: Feed, curve: Curve | None, look: Look | None = None) -> None:
        """Train up to the configured number of steps. Raises GenerationError where a loss is not finite.

        curve, look: of the main process; None elsewhere.
        """
        while self.step < self.config.steps:
            started = time.monotonic()
            generator = step_generator(self.config.seed, self.step, self.accelerator.process_index)
            fed = feed.fed(self.step, generator)
            losses = self._learn(fed, generator)
            self.step, self._half_done = self.step + 1, False
            if curve is not None:
                curve.add(self.step, losses, learning_rate(self.config, self.step - 1), time.monotonic() - started)
            last = self.step == self.config.steps
            if last or self.step % self.config.look_every == 0:
                self.with_average(look)
            if last or self.step % self.config.checkpoint_every == 0:
                self.save()

    def save(self) -> None:
        """Write a checkpoint, unless a step was interrupted while weights changed: then the one before stays."""
        if self.accelerator.is_main_process and not self._half_done:
            scaler = self.accelerator.scaler.state_dict() if self.accelerator.scaler is not None else None
            save_checkpoint(
                self.out / "checkpoints", self.step, self.trainee, self.average, self.optimizer, self._settings, scaler
            )

    def export(self, folder: Path) -> None:
        """Save the pipeline with the averaged weights, as `HumanVideoPipeline.from_pretrained` reads it."""
        if self.accelerator.is_main_process:
            self.average.swap(self.trainee)
            try:
                self.pipeline.save_pretrained(folder, safe_serialization=True)
            finally:
                self.average.swap(self.trainee)

    def with_average(self, look: Look | None) -> None:
        """Look while the averaged weights are in place, and wait for the other processes. look: None in those."""
        if look is not None:
            self.average.swap(self.trainee)
            self.trainee.eval()
            try:
                look(self.step, self.pipeline)
            finally:  # an interruption is followed by a checkpoint
                self.trainee.train()
                self.average.swap(self.trainee)
        self.accelerator.wait_for_everyone()

    def _learn(self, fed: Fed, generator: torch.Generator) -> Losses:
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.config, self.step)
        fed = Fed(fed.clip.to(self.accelerator.device), fed.last_B3HW.to(self.accelerator.device))
        with self.accelerator.autocast():
            losses = self.objective.losses(self._wrapped, fed.clip, fed.last_B3HW, generator)
        if not losses.loss.isfinite():
            raise GenerationError(self._kept(fed, losses))
        self.accelerator.backward(losses.loss)
        norm = self.accelerator.clip_grad_norm_(self.trainee.parameters(), self.config.optimizer.clip_norm)
        if self.accelerator.scaler is None and not norm.isfinite():
            raise GenerationError(self._kept(fed, losses))
        self._half_done = True
        self._stepper.step()
        self._stepper.zero_grad()
        self.average.update(self.trainee)
        return losses

    def _kept(self, fed: Fed, losses: Losses) -> str:
        """Keep what led to no number, and say where."""
        path = self.out / f"not_finite_step_{self.step:08d}_process_{self.accelerator.process_index}.safetensors"
        tensors = fed.clip.tensors() | {"last_B3HW": fed.last_B3HW, "timestep_B": losses.timestep_B}
        tensors |= {f"error.{name}": error.detach() for name, error in losses.errors.items()}
        save_file({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, path)
        return (
            f"the loss or its gradient is NaN or infinite at step {self.step}: the batch is kept in {path}. Look at "
            "it; where nothing is wrong with it, lower optimizer.learning_rate and train into a new folder"
        )

    def _resume(self) -> int:
        path = latest_checkpoint(self.out / "checkpoints")
        if path is None:
            return 0
        step, scaler = load_checkpoint(path, self.trainee, self.average, self.optimizer, self._settings)
        if scaler is not None and self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(scaler)
        return step


def learning_rate(config: TrainingConfig, step: int) -> float:
    """Up over the warm-up, level, and down over the last steps by a cosine."""
    settings: OptimizerConfig = config.optimizer
    up = min(1.0, (step + 1) / max(1, settings.warmup_steps))
    left = (config.steps - step) / settings.decay_steps if settings.decay_steps else 1.0
    down = 0.5 - 0.5 * math.cos(math.pi * min(1.0, left))
    return settings.learning_rate * up * down
