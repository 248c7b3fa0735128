"""Chaining clips: which videos step together, what they hand on, and when their frames come out.

Shape suffixes: B videos, T frames, C channels, H W pixels, h w latent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from models.generator.clip_caches import VideoCache
from models.generator.conditions import ClipInputs, ConditionBuilder
from models.generator.decoding import ClipDecoder
from models.generator.state import ClipState


@dataclass(frozen=True, slots=True)
class ClipResult:
    """A finished clip.

    video: index into the videos given. clip: index in its video. frames_T3HW: 0..1 on the CPU, without the frame
    that the clip before has already shown. state: what is needed to go on after this clip.
    """

    video: int
    clip: int
    frames_T3HW: Tensor
    state: ClipState


class ClipMaker(Protocol):
    """The part of the pipeline that chaining needs."""

    builder: ConditionBuilder

    def cache(self, state: ClipState) -> VideoCache:
        """What is computed once per video."""
        ...

    def make_clip(
        self,
        states: Sequence[ClipState],
        caches: Sequence[VideoCache],
        clips: Sequence[ClipInputs],
        sampling: Any,
        on_step: Callable[[int, int, Tensor], None] | None,
    ) -> Tensor:
        """Latents (B, T, C, h, w) of the next clip of each."""
        ...


def stream_clips(
    maker: ClipMaker,
    inputs: Sequence[Sequence[ClipInputs]],
    states: list[ClipState],
    sampling: Any,
    decoder: ClipDecoder,
    on_step: Callable[[int, int, Tensor], None] | None,
) -> Iterator[ClipResult]:
    """Make the clips that are left, several videos at a time; each batch is decoded while the next one is made."""
    caches = [maker.cache(state) for state in states]
    waiting: tuple[Future[Tensor], list[int], list[ClipState]] | None = None
    while batch := next_batch(inputs, states):
        clips = [inputs[video][states[video].next_clip] for video in batch]
        before = [states[video] for video in batch]
        pixels, after = step(maker, decoder, before, [caches[video] for video in batch], clips, sampling, on_step)
        for video, state in zip(batch, after, strict=True):
            states[video] = state
        if waiting is not None:
            yield from results(*waiting)
        waiting = pixels, batch, after
    if waiting is not None:
        yield from results(*waiting)


def step(
    maker: ClipMaker,
    decoder: ClipDecoder,
    states: Sequence[ClipState],
    caches: Sequence[VideoCache],
    clips: Sequence[ClipInputs],
    sampling: Any,
    on_step: Callable[[int, int, Tensor], None] | None = None,
) -> tuple[Future[Tensor], list[ClipState]]:
    """Make the next clip of each video: its pixels (B, T, 3, H, W) in -1..1 when they are decoded, and the states."""
    latents = maker.make_clip(states, caches, clips, sampling, on_step)
    pixels = decoder.submit(latents)
    memories = remember(maker.builder, states, clips, pixels)
    each = zip(states, latents, memories, strict=True)
    return pixels, [state.after(made, memory) for state, made, memory in each]


def next_batch(inputs: Sequence[Sequence[ClipInputs]], states: Sequence[ClipState]) -> list[int]:
    """Videos whose next clip has the length and size of the first that has any left; shorter tails go apart."""
    left = [video for video, state in enumerate(states) if state.next_clip < len(inputs[video])]

    def kind(video: int) -> tuple[int, ...]:
        return inputs[video][states[video].next_clip].frames, *states[video].last_latent_Chw.shape

    return [video for video in left if kind(video) == kind(left[0])]


def remember(
    builder: ConditionBuilder, states: Sequence[ClipState], clips: Sequence[ClipInputs], pixels: Future[Tensor]
) -> list[Mapping[str, Tensor]]:
    """The memories after a batch; waits for the pixels only where the builder needs them."""
    frames: Sequence[Tensor | None] = list(pixels.result()) if builder.remembers_frames else [None] * len(clips)
    return [builder.remember(*each) for each in zip(states, clips, frames, strict=True)]


def results(pixels: Future[Tensor], batch: Sequence[int], states: Sequence[ClipState]) -> Iterator[ClipResult]:
    """One result per video of a decoded batch."""
    for video, state, frames in zip(batch, states, pixels.result(), strict=True):
        yield ClipResult(video, state.next_clip - 1, new_frames(frames, state), state)


def new_frames(pixels_T3HW: Tensor, state: ClipState) -> Tensor:
    """Frames in 0..1 of a clip, without the one that the clip before has shown. state: after the clip."""
    return ((pixels_T3HW if state.next_clip == 1 else pixels_T3HW[1:]) + 1) / 2
