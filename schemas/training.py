"""The configuration of one stage of training: one frozen tree, every field with a default and its bounds.

Read it with `schemas.config_loading`; `pipelines/training/stages` has a YAML file per stage and size.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt


class _Section:
    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012


@dataclass(frozen=True)
class TrainedModelConfig(_Section):
    """What is trained, and from where it begins."""

    kind: Annotated[Literal["pocket", "full"], "The size of the architecture."] = "pocket"
    condition: Annotated[str, "Name of the builder of condition frames."] = "warped-last12"
    residual: Annotated[bool, "Predict x0 against the condition; else v."] = True
    widths: Annotated[tuple[int, int, int], "Channels per level; pocket only."] = (32, 64, 128)
    base: Annotated[str | None, "Folder or hub name of Stable Diffusion 1.5 or image variations; full only."] = None
    image_encoder: Annotated[str | None, "Folder or hub name of CLIP; full only."] = None
    reference_network: Annotated[bool, "A second U-Net shows the reference to the spatial attention."] = False
    motion: Annotated[str | None, "Folder or hub name of an AnimateDiff adapter; full only."] = None
    vae: Annotated[str | None, "Folder or hub name of an autoencoder in the place of base's; full only."] = None
    start: Annotated[Path | None, "A saved generator to begin from, such as the stage before left it."] = None
    train: Annotated[
        Literal["all", "motion"], "Weights that learn: all (in `images`, all but motion); motion alone."
    ] = "all"
    gradient_checkpointing: Annotated[bool, "Compute activations twice, keep fewer."] = False


@dataclass(frozen=True)
class TrainingDataConfig(_Section):
    """What windows of video are fed."""

    size: Annotated[int, Ge(16), Le(2048), "Side of the square picture, px."] = 64
    frames: Annotated[int, Ge(2), Le(64), "Frames of a clip."] = 8
    batch: Annotated[int, Ge(1), "Clips per step and process; single frames in the stage `images`."] = 4
    pool_shards: Annotated[int, Ge(0), "Shards of prepared clips drawn from again and again; 0: always new ones."] = 0
    pool: Annotated[Path | None, "Folder of that pool, shared by stages; default: in the output folder."] = None


@dataclass(frozen=True)
class DisturbanceConfig(_Section):
    """What is taken away or disturbed, independently for every clip of a batch."""

    drop_pose: Annotated[float, Ge(0), Le(1), "Chance of a black pose raster."] = 0.1
    drop_points: Annotated[float, Ge(0), Le(1), "Chance of a black points raster."] = 0.1
    drop_reference: Annotated[float, Ge(0), Le(1), "Chance of no global feature."] = 0.1
    drop_condition: Annotated[float, Ge(0), Le(1), "Chance of no condition frames."] = 0.1
    drop_warp: Annotated[
        float, Ge(0), Le(1), "Chance of the last frame in the place of warped ones, of which nothing counts as known."
    ] = 0.0
    drop_last: Annotated[
        float, Ge(0), Le(1), "Chance of the first warped frame in the place of the last one, as before a first clip."
    ] = 0.0
    condition_noise: Annotated[
        float, Ge(0), Le(1), "Most deviation of noise on the condition latents; half have none."
    ] = 0.1
    pure_noise: Annotated[float, Ge(0), Le(1), "Share of clips at the last timestep, where the mean is predicted."] = (
        0.1
    )
    timestep_power: Annotated[float, Gt(0), Le(4), "Timesteps are u ** power of the range; below 1 favours noise."] = (
        1.0
    )


@dataclass(frozen=True)
class LossConfig(_Section):
    """How errors are weighed."""

    snr_cap: Annotated[float, Ge(1), "Weights go with the signal-to-noise ratio up to this."] = 5.0
    figure: Annotated[float, Ge(0), "Weight of the figure's error relative to the condition's."] = 1.0
    known: Annotated[float, Ge(0), "Weight of known ground's."] = 1.0
    fresh: Annotated[float, Ge(0), "Weight of newly seen ground's."] = 1.0
    sharpness: Annotated[float, Ge(0), "Weight of the squared logarithm of made over true gradient energy."] = 0.0


@dataclass(frozen=True)
class OptimizerConfig(_Section):
    """AdamW, and the learning rate over the steps: up, level, down to nothing."""

    learning_rate: Annotated[float, Gt(0), Le(1)] = 1e-4
    warmup_steps: Annotated[int, Ge(0)] = 100
    decay_steps: Annotated[int, Ge(0), "Steps at the end over which the rate falls to nothing."] = 0
    weight_decay: Annotated[float, Ge(0), Le(1)] = 0.01
    beta2: Annotated[float, Gt(0), Lt(1)] = 0.99
    clip_norm: Annotated[float, Gt(0), "Gradients are scaled down to this norm."] = 1.0
    ema: Annotated[float, Ge(0), Lt(1), "Decay of the weights' moving average, which is what is saved."] = 0.999
    precision: Annotated[Literal["no", "fp16", "bf16"], "Mixed precision."] = "no"


@dataclass(frozen=True)
class TrainingConfig(_Section):
    """One stage."""

    stage: Annotated[Literal["images", "video", "rollout"], "Single frames; clips; clips on self-made ones."] = "video"
    steps: Annotated[int, Ge(1)] = 1000
    seed: Annotated[int, Ge(0), "With the step it fixes what is drawn."] = 0
    model: TrainedModelConfig = TrainedModelConfig()
    data: TrainingDataConfig = TrainingDataConfig()
    disturb: DisturbanceConfig = DisturbanceConfig()
    loss: LossConfig = LossConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    rollout_steps: Annotated[int, Ge(1), Le(100), "Sampling steps of the clip before, in the stage `rollout`."] = 4
    require_used: Annotated[
        tuple[Literal["pose", "points", "condition", "reference"], ...],
        "Conditions without whose use the stage ends with an error: another clip's must raise the loss.",
    ] = ()
    log_every: Annotated[int, Ge(1), "Steps."] = 50
    checkpoint_every: Annotated[int, Ge(1), "Steps."] = 500
    look_every: Annotated[int, Ge(1), "Steps between sample grids and checks of condition use."] = 1000
