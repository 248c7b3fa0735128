"""One stage of training, begun or gone on with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models.generator.pipeline import HumanVideoPipeline
from pipelines.corpus.lock import file_lock
from pipelines.training.build import (
    build_feed,
    build_held_out,
    build_looked_at,
    build_pipeline,
    build_source,
    pool_folder,
)
from pipelines.training.curve import Curve
from pipelines.training.look import Look
from pipelines.training.mix import in_words
from pipelines.training.pool import require_made_from
from pipelines.training.required import require_conditions_used, require_learnable, use_as_trained
from pipelines.training.trainer import Trainer
from pipelines.training_data.dataset import Share
from schemas.errors import ConfigError
from schemas.training import TrainingConfig

if TYPE_CHECKING:
    from accelerate import Accelerator

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trained:
    """What a run left. model: folder of the saved generator. steps: in all; already: found done."""

    model: Path
    steps: int
    already: int


def train(mix: Sequence[Share], config: TrainingConfig, out: Path, say: Say) -> Trained:
    """Run a stage in `out`, or go on after its last checkpoint; the averaged weights end in out/model.

    mix: corpora, or `synthetic` in the place of one, and how often each is drawn from. Several processes are started by
    `accelerate launch`. An interruption leaves a checkpoint. Raises ConfigError for impossible or changed settings,
    CorpusError where another run has `out`, GenerationError for losses that are not finite and, once the model is
    saved, where a condition of `config.require_used` is ignored.
    """
    from accelerate import Accelerator

    require_learnable(config)
    accelerator = Accelerator(mixed_precision=config.optimizer.precision)
    if config.optimizer.precision == "fp16" and accelerator.device.type == "cpu":
        raise ConfigError("optimizer.precision: fp16 needs a GPU; on a CPU leave it out, or use bf16")
    out.mkdir(parents=True, exist_ok=True)
    with file_lock(out / "lock", str(out)) if accelerator.is_main_process else nullcontext():
        return _run(mix, config, out, say, accelerator)


def _run(mix: Sequence[Share], config: TrainingConfig, out: Path, say: Say, accelerator: Accelerator) -> Trained:
    from torch.utils.tensorboard import SummaryWriter

    trainer = Trainer(build_pipeline(config), config, out, accelerator, in_words(mix))
    main = accelerator.is_main_process
    already = trainer.step
    if already and main:
        say(f"going on after step {already}")
    place = accelerator.device, accelerator.process_index, accelerator.num_processes
    source = build_source(mix, config, config.seed, accelerator.device)
    with accelerator.main_process_first():
        if config.data.pool_shards:
            require_made_from(pool_folder(config, out), in_words(mix))
        feed = build_feed(
            source, config, out, trainer.pipeline, place, lambda done, total: say(f"pool: {done}/{total} shards")
        )
    board = SummaryWriter(out / "tensorboard") if main else None
    curve = Curve(out, config.steps, config.log_every, say, board) if main else None
    look = None
    if curve is not None:
        look = Look(build_looked_at(mix, config, accelerator.device), trainer.objective, curve, out)
    try:
        trainer.run(feed, curve, look)
        trainer.export(out / "model")
        if config.require_used:
            _require_used(trainer, mix, curve)
    except KeyboardInterrupt:
        trainer.save()
        raise
    finally:
        if board is not None:
            board.close()
    return Trained(out / "model", trainer.step, already)


def _require_used(trainer: Trainer, mix: Sequence[Share], curve: Curve | None) -> None:
    """Measured by the main process while the others wait. curve: of the main process."""
    uses: dict[str, float] = {}

    def measure(step: int, pipeline: HumanVideoPipeline) -> None:
        feed = build_held_out(mix, trainer.config, trainer.out, pipeline, trainer.accelerator.device)
        uses.update(use_as_trained(feed, trainer.objective, pipeline))
        if curve is not None:
            curve.report(step, {f"use_as_trained/{name}": rise for name, rise in uses.items()})

    trainer.with_average(None if curve is None else measure)
    if curve is not None:
        require_conditions_used(uses, trainer.config, trainer.out / "model")
