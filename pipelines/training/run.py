"""One stage of training, begun or gone on with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipelines.training.build import build_feed, build_looked_at, build_pipeline, build_source
from pipelines.training.curve import Curve
from pipelines.training.look import Look
from pipelines.training.trainer import Trainer
from schemas.training import TrainingConfig

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trained:
    """What a run left. model: folder of the saved generator. steps: in all; already: found done."""

    model: Path
    steps: int
    already: int


def train(corpus: str, config: TrainingConfig, out: Path, say: Say) -> Trained:
    """Run a stage in `out`, or go on after its last checkpoint; the averaged weights end in out/model.

    corpus: a corpus' folder or address, or `synthetic`. Several processes are started by `accelerate launch`. An
    interruption leaves a checkpoint. Raises ConfigError for impossible or changed settings, GenerationError for losses
    that are not finite.
    """
    from accelerate import Accelerator
    from torch.utils.tensorboard import SummaryWriter

    out.mkdir(parents=True, exist_ok=True)
    accelerator = Accelerator(mixed_precision=config.optimizer.precision)
    trainer = Trainer(build_pipeline(config), config, out, accelerator)
    main = accelerator.is_main_process
    already = trainer.step
    if already and main:
        say(f"going on after step {already}")
    place = accelerator.device, accelerator.process_index, accelerator.num_processes
    source = build_source(corpus, config, config.seed)
    with accelerator.main_process_first():
        feed = build_feed(
            source, config, out, trainer.pipeline, place, lambda done, total: say(f"pool: {done}/{total} shards")
        )
    board = SummaryWriter(out / "tensorboard") if main else None
    curve = Curve(out, config.steps, config.log_every, say, board) if main else None
    look = None
    if curve is not None:
        look = Look(build_looked_at(corpus, config, accelerator.device), trainer.objective, curve, out)
    try:
        trainer.run(feed, curve, look)
    except KeyboardInterrupt:
        trainer.save()
        raise
    finally:
        if board is not None:
            board.close()
    trainer.export(out / "model")
    return Trained(out / "model", trainer.step, already)
