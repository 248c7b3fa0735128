"""The verb `train`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.exits import EXIT_INTERRUPTED
from pipelines.cli.show import say
from schemas.errors import ConfigError
from schemas.extras import needs


def train(
    corpus: Annotated[
        list[str],
        typer.Option(
            help="Folder or address of a corpus; or `synthetic`: puppets drawn as needed. Repeat it to mix them; "
            "`CORPUS=WEIGHT` says how often one is drawn from relative to the others, 1 without it."
        ),
    ],
    config: Annotated[str, typer.Option(help="A stage's YAML file, or the name of one that comes along.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, the curve, samples and the trained model.")],
    settings: Annotated[list[str] | None, typer.Option("--set", help="A setting, `key.path=value`; repeat it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON.")] = False,
) -> None:
    """Train the generator for one stage; the same command again goes on after the last checkpoint.

    Stages that come along: pocket-images, pocket-video, pocket-rollout, full-images, full-video, full-rollout. Each
    begins with `--set model.start=DIR` where another left off. On several GPUs: `accelerate launch` before the path
    of this command.

    Example: figureground train --corpus synthetic --config pocket-images --out run/images
    """
    from pipelines.training.stages import stage_file
    from schemas.config_loading import load_training_config

    stage = load_training_config(stage_file(config), tuple(settings or ()))
    try:
        from pipelines.training.mix import read_mix
        from pipelines.training.run import train as run
    except ModuleNotFoundError as error:
        raise ConfigError(needs("training", error.name, wanted="generate")) from error
    try:
        trained = run(read_mix(corpus), stage, out, say)
    except KeyboardInterrupt:
        say("interrupted; a checkpoint is kept. Run the same command again to go on.")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if as_json:
        print(json.dumps({"model": str(trained.model), "steps": trained.steps, "already": trained.already}))
    else:
        print(f"{trained.steps} steps done, {trained.already} of them before; the model is in {trained.model}")
