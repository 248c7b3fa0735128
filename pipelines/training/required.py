"""The end of a stage that requires its conditions to be used: measured on clips that were not trained on."""

from __future__ import annotations

from pathlib import Path

from models.generator.pipeline import HumanVideoPipeline
from models.generator.training.draws import step_generator
from models.generator.training.step import Objective
from models.generator.training.trainee import Trainee
from models.generator.training.use import LEAST_RISE, each_shuffled, losses_by_condition, require_used, rises
from pipelines.training.build import HELD_OUT_BATCH
from pipelines.training.feeds import Feed
from schemas.errors import ConfigError, GenerationError
from schemas.training import TrainingConfig

_BATCHES = 8
CLIPS = _BATCHES * HELD_OUT_BATCH


def require_learnable(config: TrainingConfig) -> None:
    """Raise ConfigError, before the stage, where a required condition is never shown."""
    for name in config.require_used:
        if getattr(config.disturb, f"drop_{name}") == 1:
            raise ConfigError(f"require_used: {name} is never shown, for disturb.drop_{name} is 1; change one of them")


def use_as_trained(feed: Feed, objective: Objective, pipeline: HumanVideoPipeline) -> dict[str, float]:
    """By how much, relative, the loss of CLIPS clips rises when one condition alone comes from another clip.

    Unlike in `use.condition_use` timesteps are drawn and conditions dropped and disturbed as the stage does it.
    """
    trainee, disturb = Trainee(pipeline), objective.config.disturb
    losses = []
    for number in range(_BATCHES):
        generator = step_generator(objective.config.seed, number)
        fed = feed.fed(number, generator)
        right, changed = (fed.clip, fed.last_B3HW), each_shuffled(fed.clip, fed.last_B3HW)
        losses.append(losses_by_condition(objective, trainee, right, changed, disturb, generator))
    return rises(losses)


def require_conditions_used(uses: dict[str, float], config: TrainingConfig, model: Path) -> None:
    """Raise GenerationError where a condition that the stage names is ignored. model: where the generator lies."""
    try:
        require_used(uses, config.require_used)
    except GenerationError as error:
        raise GenerationError(
            f"{error}; on {CLIPS} held-out clips a rise of the loss below {LEAST_RISE:.1%} counts as ignored. The "
            f"trained generator is in {model} all the same. Train for longer (steps), drop the condition frames more "
            "often (disturb.drop_condition, in a new folder), or take the condition out of require_used"
        ) from None
