"""A stage's parts out of its configuration: the generator to train, and what feeds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn

from models.generator.full import from_stable_diffusion
from models.generator.light import leave_out_motion
from models.generator.pipeline import HumanVideoPipeline
from models.generator.pocket import pocket
from models.generator.training.batch import TrainingBatch
from models.generator.training.draws import step_generator
from pipelines.training.feeds import Fed, Feed, PoolFeed, RolloutFeed, StreamFeed
from pipelines.training.pool import build_pool
from pipelines.training.sources import CorpusSource, SyntheticSource, WindowSource
from schemas.errors import ConfigError
from schemas.training import TrainedModelConfig, TrainingConfig

SYNTHETIC = "synthetic"
"""In the place of a corpus: puppets before moving scenes, drawn as they are needed."""
_HELD_OUT = 1_000_003
"""Added to the seed for clips that are looked at, not trained on."""
_LOOKED_AT = 8


def build_pipeline(config: TrainingConfig) -> HumanVideoPipeline:
    """The generator a stage begins with. Raises ConfigError for settings that contradict each other."""
    model = config.model
    torch.manual_seed(config.seed)
    pipeline = HumanVideoPipeline.from_pretrained(model.start) if model.start is not None else _new(model)
    found = pipeline.config.condition, pipeline.unet.config.residual
    if found != (model.condition, model.residual):
        raise ConfigError(
            f"{model.start} has the condition {found[0]!r} and residual {found[1]}; the stage wants "
            f"{model.condition!r} and {model.residual}: a model keeps its condition for life"
        )
    pipeline.register_to_config(size=config.data.size, clip_frames=config.data.frames)
    _choose_weights(pipeline, config)
    if model.gradient_checkpointing:
        pipeline.unet.enable_gradient_checkpointing()
    return pipeline


def _new(model: TrainedModelConfig) -> HumanVideoPipeline:
    if model.kind == "pocket":
        return pocket(model.condition, residual=model.residual, widths=model.widths)
    if model.base is None:
        raise ConfigError("model.base: full begins from Stable Diffusion 1.5; give its folder or hub name")
    return from_stable_diffusion(
        model.base, model.image_encoder, model.motion, model.vae, condition=model.condition, residual=model.residual
    )


def _choose_weights(pipeline: HumanVideoPipeline, config: TrainingConfig) -> None:
    """Which weights learn. CLIP is frozen; a pocket's own image encoder learns with the U-Net."""
    unet, encoder = pipeline.unet, pipeline.image_encoder
    unet.train().requires_grad_(config.model.train == "all")
    encoder.train().requires_grad_(config.model.train == "all" and config.model.kind == "pocket")
    if config.stage == "images":
        if config.model.train == "motion":
            raise ConfigError("model.train is motion, which single frames cannot teach: use the stage `video`")
        leave_out_motion(unet)
    elif config.model.train == "motion":
        for module in motion_modules(unet):
            module.requires_grad_(True)


def motion_modules(unet: nn.Module) -> Iterator[nn.Module]:
    """The motion blocks of a U-Net."""
    for name, module in unet.named_modules():
        if name.endswith("motion_modules"):
            yield from module.children()


def build_source(corpus: str, config: TrainingConfig, seed: int) -> WindowSource:
    """Windows of a corpus, or synthetic ones."""
    size, frames = config.data.size, config.data.frames
    if corpus == SYNTHETIC:
        return SyntheticSource(seed, size, frames)
    return CorpusSource(corpus, seed, size, frames)


def build_feed(
    source: WindowSource,
    config: TrainingConfig,
    out: Path,
    pipeline: HumanVideoPipeline,
    place: tuple[torch.device, int, int],
    progress: Callable[[int, int], None] | None = None,
) -> Feed:
    """place: device, number of this process, and of how many. Builds the pool where the stage wants one.

    Raises ConfigError for settings that contradict each other.
    """
    device, rank, world = place
    single, data = config.stage == "images", config.data

    def batches(first: int) -> Iterator[TrainingBatch]:
        return source.batches(2 if config.stage == "rollout" else 1, data.batch, first, rank, world)

    if config.stage == "rollout":
        if data.pool_shards:
            raise ConfigError("data.pool_shards: a roll-out makes its own clips, so it cannot draw them from a pool")
        return RolloutFeed(batches, device, pipeline, config.rollout_steps)
    if data.pool_shards:
        pool = build_pool(data.pool or out / "pool", data.pool_shards, source, progress)
        return PoolFeed(pool, data.batch, device, single=single)
    return StreamFeed(batches, device, single=single, warped=config.model.condition != "repeat")


def build_looked_at(corpus: str, config: TrainingConfig, device: torch.device) -> Fed:
    """Whole clips of windows drawn by another seed."""
    source = build_source(corpus, config, config.seed + _HELD_OUT)
    warped = config.model.condition != "repeat"
    feed = StreamFeed(lambda first: source.batches(1, _LOOKED_AT, first), device, single=False, warped=warped)
    return feed.fed(0, step_generator(config.seed, 0))
