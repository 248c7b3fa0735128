"""What `full` costs beside its U-Net alone and beside the way its peers are run, at random weights.

Run: python -m infra.benchmarks.generator_cost                              # a tenth of the width, on the CPU
     python -m infra.benchmarks.generator_cost --device cuda --width 320 --size 512 --steps 25
Everything is as wide as --width tells, autoencoder and encoders included; 320 is Stable Diffusion's. Guidance is on:
two predictions a step.
(a) The pipeline against its U-Net called as often, with the conditions there already.
(b) The pipeline against the same network run the peers' way, for the same frames: windows of 16 frames that overlap by
    4, every condition encoded anew at every step and in every window, both predictions one after the other.
(c) Four videos in one batch against one after the other.
(d) Growth from 2 clips to 64, one step each: seconds a clip, and memory.
Seconds are CPU seconds of this process on a CPU, else wall seconds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import psutil
import torch
from diffusers import AutoencoderKL
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from models.generator.clip_caches import VideoCache, branch_clip_feature, branch_keys_values
from models.generator.conditions import ClipInputs
from models.generator.features import ClipConditions
from models.generator.guidance import Guidance
from models.generator.latents import decode
from models.generator.pipeline import HumanVideoPipeline, Sampling, VideoInputs
from models.generator.schedulers import sampler
from models.generator.unet import HumanVideoUNet

FRAMES, OVERLAP = 16, 4
CLIPS = 4
GUIDED = Guidance(joint=2.0)
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


@dataclass(frozen=True)
class Clock:
    """Seconds and peak memory of work on a device."""

    device: str

    def seconds(self, work: Callable[[], object]) -> float:
        """CPU seconds on a CPU, else wall seconds until the device is done."""
        if self.device == "cpu":
            started = time.process_time()
            work()
            return time.process_time() - started
        torch.cuda.synchronize()
        started = time.perf_counter()
        work()
        torch.cuda.synchronize()
        return time.perf_counter() - started

    def memory_mb(self) -> float:
        """What this process holds; on a GPU the most it has held there."""
        if self.device == "cpu":
            return float(psutil.Process().memory_info().rss / 2**20)
        return torch.cuda.max_memory_allocated() / 2**20


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
    """The frames of a video as peers make them; see this module's description."""
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


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--most-clips", type=int, default=64)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    size, sampling, clock = arguments.size, Sampling(arguments.steps, GUIDED), Clock(arguments.device)
    pipeline = build(arguments.width, arguments.device, torch.float32 if arguments.device == "cpu" else torch.bfloat16)
    parameters = sum(p.numel() for p in pipeline.unet.parameters()) / 1e6
    print(f"width {arguments.width} of {FULL_WIDTH}: {parameters:.0f} M parameters, {size} px, {sampling.steps} steps")
    run(pipeline, [video(0, 1, size)], Sampling(2, GUIDED))
    one = video(1, CLIPS, size)
    whole = clock.seconds(lambda: run(pipeline, [one], sampling))
    alone = clock.seconds(unet_alone(pipeline, one, sampling))
    peers = clock.seconds(lambda: peers_way(pipeline, one, sampling))
    four = [video(seed, 1, size) for seed in range(4)]
    batched = clock.seconds(lambda: run(pipeline, four, sampling))
    single = clock.seconds(lambda: [run(pipeline, [each], sampling) for each in four])
    frames = CLIPS * (FRAMES - 1) + 1
    print(f"pipeline          {whole:7.1f} s  {frames / whole:6.2f} frames/s")
    print(f"(a) U-Net alone   {alone:7.1f} s  frames per second of the pipeline over the U-Net's: {alone / whole:.2f}")
    print(f"(b) peers' way    {peers:7.1f} s  {peers / whole:.2f} times the pipeline's")
    print(f"(c) four in one batch {batched:.1f} s, one by one {single:.1f} s: {single / batched:.2f}")
    print(f"memory {clock.memory_mb():.0f} MB")
    clips = 2
    while clips <= arguments.most_clips:
        seconds = clock.seconds(lambda clips=clips: run(pipeline, [video(0, clips, size)], Sampling(1)))
        print(f"(d) {clips:3} clips: {seconds / clips:.3f} s a clip, {clock.memory_mb():.0f} MB")
        clips *= 2


if __name__ == "__main__":
    main()
