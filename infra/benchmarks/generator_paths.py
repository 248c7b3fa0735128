"""The ways of running `full` that `generator_cost` compares, on one network at random weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import torch
from diffusers import AutoencoderKL
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from models.generator.clip_caches import VideoCache, branch_clip_feature, branch_keys_values
from models.generator.conditions import ClipInputs
from models.generator.features import ClipConditions
from models.generator.latents import decode
from models.generator.pipeline import HumanVideoPipeline, Sampling, VideoInputs
from models.generator.schedulers import sampler
from models.generator.unet import HumanVideoUNet

FRAMES, OVERLAP = 16, 4
BATCH = 4
FULL_WIDTH = 320


def build(width: int, device: str, dtype: torch.dtype) -> HumanVideoPipeline:
    """A generator of `full`'s layout at random weights."""
    torch.manual_seed(0)

    def scaled(*channels: int) -> tuple[int, ...]:
        return tuple(max(16, 16 * round(each * width / FULL_WIDTH / 16)) for each in channels)

    unet = HumanVideoUNet(
        block_out_channels=(width, 2 * width, 4 * width, 4 * width),
        encoder_widths=scaled(16, 32, 96, 256),
        norm_num_groups=16,
        cross_attention_dim=scaled(768)[0],
    )
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=scaled(128, 256, 512, 512),
        layers_per_block=2,
        norm_num_groups=16,
        latent_channels=4,
        scaling_factor=0.18215,
    )
    hidden = scaled(1024)[0]
    clip = CLIPVisionConfig(
        hidden_size=hidden, intermediate_size=4 * hidden, num_hidden_layers=24, num_attention_heads=16,
        patch_size=14, projection_dim=768,
    )  # fmt: skip
    parts = (unet, vae, CLIPVisionModelWithProjection(clip))
    unet, vae, encoder = (part.to(device, dtype).eval() for part in parts)
    return HumanVideoPipeline(unet, vae, encoder, sampler("ddim", residual=False), "repeat")


def video(seed: int, clips: int, size: int) -> VideoInputs:
    """Noise for conditions: nothing here depends on what they show."""
    generator = torch.Generator().manual_seed(seed)
    given = ClipInputs(*(torch.rand(FRAMES, 3, size, size, generator=generator) for _ in range(2)))
    return VideoInputs(torch.rand(3, size, size, generator=generator), seed, [given] * clips)


def run(pipeline: HumanVideoPipeline, videos: list[VideoInputs], sampling: Sampling) -> None:
    """Make videos, keeping nothing."""
    exhaust(pipeline.stream(videos, sampling))


def exhaust(items: Iterable[object]) -> None:
    """Until the end."""
    for _ in items:
        pass


@torch.no_grad()
def unet_alone(pipeline: HumanVideoPipeline, made: VideoInputs, sampling: Sampling) -> Callable[[], None]:
    """The U-Net's calls of a video's clips, what they need being there already."""
    state, branches = pipeline.begin(made), sampling.guidance.branches
    condition = state.last_latent_Chw[None, None].expand(1, FRAMES, -1, -1, -1)
    feature = branch_clip_feature(pipeline.unet, condition, made.clips[:1], branches)
    reference = branch_keys_values([VideoCache.of(pipeline.unet, state)], branches)
    pipeline.scheduler.set_timesteps(sampling.steps, device=pipeline.device)
    noisy = torch.randn_like(feature.base_BTChw)

    @torch.no_grad()
    def work() -> None:
        for _ in made.clips:
            for timestep in pipeline.scheduler.timesteps:
                pipeline.unet(noisy, timestep, reference, feature)

    return work


@torch.no_grad()
def peers_way(pipeline: HumanVideoPipeline, made: VideoInputs, sampling: Sampling) -> Tensor:
    """The frames of a video as peers make them; see `generator_cost`."""
    frames = len(made.clips) * (FRAMES - 1) + 1
    state, unet, scheduler = pipeline.begin(made), pipeline.unet, pipeline.scheduler
    device, dtype = pipeline.device, unet.dtype
    index = torch.arange(frames) % FRAMES
    pose, points = (r[index].to(device, dtype)[None] for r in (made.clips[0].pose_T3HW, made.clips[0].points_T3HW))
    condition = state.last_latent_Chw.to(dtype)[None, None].expand(1, FRAMES, -1, -1, -1)
    feature = state.global_feature_NE.to(dtype)[None]
    starts = [min(s, frames - FRAMES) for s in range(0, frames - OVERLAP, FRAMES - OVERLAP)]
    latents = torch.randn(1, frames, *state.last_latent_Chw.shape, device=device)
    scheduler.set_timesteps(sampling.steps, device=device)
    for timestep in scheduler.timesteps:
        total, counted = torch.zeros_like(latents), torch.zeros(frames, device=device)
        for start in starts:
            part = slice(start, start + FRAMES)
            given = ClipConditions(condition, pose[:, part], points[:, part])
            denied = ClipConditions(torch.zeros_like(condition), 0 * pose[:, part], 0 * points[:, part])
            noisy = latents[:, part].to(dtype)
            right = unet(noisy, timestep, feature, given).float()
            wrong = unet(noisy, timestep, torch.zeros_like(feature), denied).float()
            total[:, part] += sampling.guidance.combine(torch.stack([right, wrong]))
            counted[part] += 1
        output = total / counted[None, :, None, None, None]
        latents = scheduler.step(output, timestep, latents, return_dict=False)[0]
    return decode(pipeline.vae, latents[0])


def whole(pipeline: HumanVideoPipeline, made: VideoInputs, sampling: Sampling) -> Callable[[], None]:
    """A video by the pipeline."""
    return lambda: run(pipeline, [made], sampling)


def peers(pipeline: HumanVideoPipeline, made: VideoInputs, sampling: Sampling) -> Callable[[], Tensor]:
    """A video the peers' way."""
    return lambda: peers_way(pipeline, made, sampling)


def together(pipeline: HumanVideoPipeline, made: VideoInputs, sampling: Sampling) -> Callable[[], None]:
    """Four videos in one batch."""
    return lambda: run(pipeline, [replace(made, seed=seed) for seed in range(BATCH)], sampling)


def in_turn(pipeline: HumanVideoPipeline, made: VideoInputs, sampling: Sampling) -> Callable[[], None]:
    """The same four one after the other."""
    return lambda: exhaust(run(pipeline, [replace(made, seed=seed)], sampling) for seed in range(BATCH))


def nothing(*_: object) -> Callable[[], None]:
    """Only what every path begins with."""
    return lambda: None


LOADED, PIPELINE, UNET, PEERS = "network loaded", "pipeline", "U-Net alone", "peers' way"
TOGETHER, ONE_BY_ONE = "four in one batch", "four one by one"
PATHS: dict[str, Callable[[HumanVideoPipeline, VideoInputs, Sampling], Callable[[], object]]] = {
    LOADED: nothing,
    PIPELINE: whole,
    UNET: unet_alone,
    PEERS: peers,
    TOGETHER: together,
    ONE_BY_ONE: in_turn,
}
