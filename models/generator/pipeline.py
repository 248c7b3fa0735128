"""Long human videos, clip by clip: the figure from poses, the ground from points, the look from one reference.

Shape suffixes: B videos, T frames, C latent channels, H W pixels, h w latent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from torch import Tensor

from models.generator import checks
from models.generator.clip_caches import VideoCache, branch_clip_feature, branch_keys_values
from models.generator.conditions import ClipInputs, ConditionBuilder, condition_builder
from models.generator.decoding import ClipDecoder
from models.generator.features import ClipFeature, KeysValues
from models.generator.global_features import global_feature
from models.generator.guidance import Guidance
from models.generator.latents import encode
from models.generator.loading import load_parts
from models.generator.noise import clip_noise
from models.generator.state import ClipState
from models.generator.stream import ClipResult, stream_clips
from models.generator.unet import HumanVideoUNet
from schemas.errors import ConfigError, GenerationError

OnStep = Callable[[int, int, Tensor], None]
"""Called after every step with the step, the number of steps and the latents (B, T, C, h, w)."""


@dataclass(frozen=True, slots=True)
class VideoInputs:
    """One video to make.

    reference_3HW: the picture it starts from, 0..1. seed: with the clip's index it fixes the noise.
    clips: what drives each clip, in order; any sequence, so a long video can be rasterised clip by clip.
    """

    reference_3HW: Tensor
    seed: int
    clips: Sequence[ClipInputs]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a clip is sampled: steps of the scheduler, and guidance."""

    steps: int = 25
    guidance: Guidance = field(default_factory=Guidance)

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ConfigError(f"sampling takes at least one step, not {self.steps}")


class HumanVideoPipeline(DiffusionPipeline):
    """The generator with its autoencoder, image encoder and scheduler, in diffusers' save format.

    condition: name of the builder of condition frames (`conditions.BUILDERS`), saved with the model.
    size, clip_frames: short side in px and length of the clips it was trained with, saved too; None: not said.
    """

    def __init__(
        self,
        unet: HumanVideoUNet,
        vae: Any,
        image_encoder: Any,
        scheduler: Any,
        condition: str = "repeat",
        size: int | None = None,
        clip_frames: int | None = None,
    ) -> None:
        super().__init__()
        self.register_modules(unet=unet, vae=vae, image_encoder=image_encoder, scheduler=scheduler)
        self.register_to_config(condition=condition, size=size, clip_frames=clip_frames)
        self.builder: ConditionBuilder = condition_builder(condition)
        self._check_parts()

    @classmethod
    def from_pretrained(cls, path: str | Path, torch_dtype: torch.dtype = torch.float32) -> HumanVideoPipeline:
        """Load a folder that `save_pretrained` wrote.

        Raises WeightsError for missing keys, wrong shapes, and pickles in the place of safetensors.
        """
        parts, settings = load_parts(Path(path), torch_dtype)
        return cls(**parts, **settings)

    def compile_unet(self, **options: Any) -> None:
        """Have `torch.compile`, with these options, compile the U-Net when it is next used, and for every new shape.

        Pays where many clips of one shape are made. Needs a C++ compiler; results differ by rounding.
        """
        self.unet.compile(**options)

    def enable_vae_slicing(self) -> None:
        """Code pictures one at a time, for less memory; otherwise up to `latents.PICTURES_AT_ONCE` go together."""
        self.vae.use_slicing = True

    def disable_vae_slicing(self) -> None:
        """Undo `enable_vae_slicing`."""
        self.vae.use_slicing = False

    def _check_parts(self) -> None:
        config, predicts = self.unet.config, self.scheduler.config.prediction_type
        channels = config.latent_channels + self.builder.extra_channels
        if config.condition_channels != channels:
            raise ConfigError(
                f"the condition {self.config.condition!r} has {channels} channels, the network is built for "
                f"{config.condition_channels}"
            )
        if config.residual != (predicts == "sample"):
            raise ConfigError(f"a scheduler that expects {predicts!r} does not fit a network with {config.residual=}")

    @torch.no_grad()
    def begin(self, video: VideoInputs) -> ClipState:
        """The state before the first clip: reference latent and global feature, each computed once.

        Raises GenerationError for a reference or first clip that cannot be used.
        """
        checks.check_picture("the reference", video.reference_3HW, self.unet.size_multiple)
        if not len(video.clips):
            raise GenerationError("a video has no clips: give at least one")
        checks.check_driven("the first clip", video.clips[0])
        pixels_3HW = video.reference_3HW.to(self.device) * 2 - 1
        latent_Chw = encode(self.vae, pixels_3HW[None])[0]
        feature_NE = global_feature(self.image_encoder, pixels_3HW[None])[0]
        memory = self.builder.begin(pixels_3HW, video.clips[0].motion)
        return ClipState(video.seed, 0, latent_Chw, feature_NE, latent_Chw, memory)

    @torch.no_grad()
    def cache(self, state: ClipState) -> VideoCache:
        """What is computed once per video, whether it begins or goes on.

        Raises GenerationError for a state that another model left.
        """
        config = self.unet.config
        found = len(state.last_latent_Chw), state.global_feature_NE.shape[-1]
        if found != (config.latent_channels, config.feature_width):
            raise GenerationError(
                f"the state of the video with seed {state.seed} was left by another model: it has {found[0]} latent "
                f"channels and a global feature {found[1]} wide, this model takes {config.latent_channels} and "
                f"{config.feature_width}"
            )
        return VideoCache.of(self.unet, state)

    @torch.no_grad()
    def make_clip(
        self,
        states: Sequence[ClipState],
        caches: Sequence[VideoCache],
        clips: Sequence[ClipInputs],
        sampling: Sampling,
        on_step: OnStep | None = None,
    ) -> Tensor:
        """Latents (B, T, C, h, w) of the next clip of several videos at once, each as it would be alone.

        Raises GenerationError for clips that cannot be used, or where the result is not finite; ConfigError where the
        scheduler was exchanged for one that does not fit the network.
        """
        self._check_parts()
        self._check_clips(states, clips)
        frames, together = clips[0].frames, self._together(len(states))
        condition = self.builder.build(states, clips, frames, lambda pixels: encode(self.vae, pixels))
        given = [self._given(caches[some], condition[some], clips[some], sampling) for some in together]
        shape = (frames, *states[0].last_latent_Chw.shape)
        noise = torch.stack([clip_noise(state.seed, state.next_clip, shape) for state in states])
        latents = noise.to(self.device) * self.scheduler.init_noise_sigma
        self.scheduler.set_timesteps(sampling.steps, device=self.device)
        for step, timestep in enumerate(self.scheduler.timesteps):
            parts = zip(together, given, strict=True)
            guided = torch.cat([self._predict(latents[some], timestep, *each, sampling) for some, each in parts])
            made = self.scheduler.step(guided, timestep, latents)
            latents = made.prev_sample
            if step == sampling.steps - 1:
                # Where the steps don't divide the schedule, DDIM stops one timestep short, with noise left in.
                latents = getattr(made, "pred_original_sample", latents)
            if on_step is not None:
                on_step(step, sampling.steps, latents)
        self._check_result(states, latents)
        return latents

    def stream(
        self,
        videos: Sequence[VideoInputs],
        sampling: Sampling | None = None,
        states: Sequence[ClipState] | None = None,
        on_step: OnStep | None = None,
    ) -> Iterator[ClipResult]:
        """Clips as they are made, in order for every video; memory does not grow with the length.

        states: of videos that go on after a stop; they continue with the bytes of an uninterrupted run.
        """
        begun = [self.begin(video) for video in videos] if states is None else [s.to(self.device) for s in states]
        with ClipDecoder(self.vae) as decoder:
            yield from stream_clips(self, [v.clips for v in videos], begun, sampling or Sampling(), decoder, on_step)

    def __call__(
        self, videos: Sequence[VideoInputs], sampling: Sampling | None = None, on_step: OnStep | None = None
    ) -> list[Tensor]:
        """Whole videos, each (frames, 3, H, W) in 0..1; the frame that two clips share appears once."""
        clips: list[list[Tensor]] = [[] for _ in videos]
        total = sum(len(video.clips) for video in videos)
        with self.progress_bar(total=total) as bar:
            for result in self.stream(videos, sampling, on_step=on_step):
                clips[result.video].append(result.frames_T3HW)
                bar.update()
        return [torch.cat(parts) for parts in clips]

    def _together(self, count: int) -> list[slice]:
        """Which videos of a batch go through the network together: on a CPU every one goes alone.

        A batch makes nothing faster there, and kernels round differently for other numbers of pictures: so a video has
        the same bytes in every company.
        """
        width = 1 if self.device.type == "cpu" else count
        return [slice(first, first + width) for first in range(0, count, width)]

    def _given(
        self, caches: Sequence[VideoCache], condition_BTKhw: Tensor, clips: Sequence[ClipInputs], sampling: Sampling
    ) -> tuple[KeysValues, ClipFeature]:
        """What stays the same over the steps."""
        branches = sampling.guidance.branches
        feature = branch_clip_feature(self.unet, condition_BTKhw, clips, branches)
        return branch_keys_values(caches, branches), feature

    def _predict(
        self, latents: Tensor, timestep: Tensor, reference: KeysValues, feature: ClipFeature, sampling: Sampling
    ) -> Tensor:
        """The guided prediction, all branches in one forward."""
        count = len(sampling.guidance.branches)
        noisy = torch.cat([latents.to(self.unet.dtype)] * count)
        output = self.unet(noisy, timestep, reference, feature).float().unflatten(0, (count, -1))
        return sampling.guidance.combine(output)

    def _check_clips(self, states: Sequence[ClipState], clips: Sequence[ClipInputs]) -> None:
        longest = self.unet.config.motion_max_seq_length
        factor = 2 ** (len(self.unet.config.encoder_widths) - 1)
        shape = states[0].last_latent_Chw.shape
        for state, clip in zip(states, clips, strict=True):
            name = f"clip {state.next_clip} of the video with seed {state.seed}"
            if clip.frames != clips[0].frames or state.last_latent_Chw.shape != shape:
                raise GenerationError(f"{name} has another length or size than the others of its batch")
            checks.check_clip(name, clip, (shape[1] * factor, shape[2] * factor), longest)

    def _check_result(self, states: Sequence[ClipState], latents_BTChw: Tensor) -> None:
        for state, latents in zip(states, latents_BTChw, strict=True):
            if not latents.isfinite().all():
                raise GenerationError(
                    f"clip {state.next_clip} of the video with seed {state.seed} came out as NaN or infinite; "
                    "with float16 try bfloat16, else the weights are damaged"
                )
