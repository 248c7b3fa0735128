"""A stage's parts out of its configuration: the generator to train, and what feeds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
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
from pipelines.training.mix import SYNTHETIC
from pipelines.training.pool import build_pool
from pipelines.training.sources import DECODERS, CorpusSource, MixedSource, SyntheticSource, WindowSource
from pipelines.training_data.dataset import Share
from schemas.errors import ConfigError
from schemas.training import TrainedModelConfig, TrainingConfig

_HELD_OUT = 1_000_003
"""Added to the seed for clips that are looked at, not trained on."""
HELD_OUT_BATCH = 8
"""Held-out clips at a time."""


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
    if pipeline.unet.config.reference_network != model.reference_network:
        raise ConfigError(f"set model.reference_network={not model.reference_network}, as it is in {model.start}")
    pipeline.register_to_config(size=config.data.size, clip_frames=config.data.frames)
    _choose_weights(pipeline, config)
    if model.gradient_checkpointing:
        pipeline.unet.enable_gradient_checkpointing()
    return pipeline


def _new(model: TrainedModelConfig) -> HumanVideoPipeline:
    if model.kind == "pocket":
        return pocket(
            model.condition,
            residual=model.residual,
            widths=model.widths,
            reference_network=model.reference_network,
        )
    if model.base is None:
        raise ConfigError("model.base: full begins from Stable Diffusion 1.5; give its folder or hub name")
    return from_stable_diffusion(
        model.base,
        model.image_encoder,
        model.motion,
        model.vae,
        condition=model.condition,
        residual=model.residual,
        reference_network=model.reference_network,
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


def build_source(
    mix: Sequence[Share], config: TrainingConfig, seed: int, device: torch.device | None = None
) -> WindowSource:
    """Windows of corpora, synthetic ones, or both. device: where synthetic ones are rendered, if it is a GPU.

    A pool's are decoded in this process: a shard is too short for workers to start.
    """
    size, frames = config.data.size, config.data.frames
    on_gpu = device if device is not None and device.type == "cuda" else None
    synthetic = SyntheticSource(seed, size, frames, on_gpu)
    real = tuple(share for share in mix if share.corpus != SYNTHETIC)
    if not real:
        return synthetic
    corpora = CorpusSource(real, seed, size, frames, 0 if config.data.pool_shards else DECODERS)
    if len(real) == len(mix):
        return corpora
    return MixedSource(synthetic, corpora, sum(s.weight for s in real) / sum(s.weight for s in mix))


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
        pool = build_pool(pool_folder(config, out), data.pool_shards, source, progress)
        return PoolFeed(pool, data.batch, device, single=single)
    return StreamFeed(batches, device, single=single, warped=config.model.condition != "repeat")


def pool_folder(config: TrainingConfig, out: Path) -> Path:
    """Where the pool of a stage is, or will be."""
    return config.data.pool or out / "pool"


def build_held_out(
    mix: Sequence[Share], config: TrainingConfig, out: Path, pipeline: HumanVideoPipeline, device: torch.device
) -> Feed:
    """Clips as the stage trains on them, of windows drawn by another seed; HELD_OUT_BATCH at a time, out of no pool."""
    data = replace(config.data, batch=HELD_OUT_BATCH, pool_shards=0)
    config = replace(config, data=data)
    source = build_source(mix, config, config.seed + _HELD_OUT, device)
    return build_feed(source, config, out, pipeline, (device, 0, 1))


def build_looked_at(mix: Sequence[Share], config: TrainingConfig, device: torch.device) -> Fed:
    """Whole clips of windows drawn by another seed."""
    source = build_source(mix, config, config.seed + _HELD_OUT, device)
    warped = config.model.condition != "repeat"
    feed = StreamFeed(lambda first: source.batches(1, HELD_OUT_BATCH, first), device, single=False, warped=warped)
    return feed.fed(0, step_generator(config.seed, 0))
