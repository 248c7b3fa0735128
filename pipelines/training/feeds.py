"""Where the clips of a step come from: a pool on disk, windows prepared as they are needed, or the model itself.

Shape suffixes: B batch, T frames, H W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from models.generator.pipeline import HumanVideoPipeline
from models.generator.training.batch import TrainingBatch
from models.generator.training.prepared import PreparedClip
from models.generator.training.sampling import noise_for, sample_clip
from pipelines.training.pool import ClipPool
from pipelines.training.prepare import drive, prepare_still, prepare_window, prepared, start_scene

BatchesFrom = Callable[[int], Iterator[TrainingBatch]]
"""This process's batches from a number on."""


@dataclass(frozen=True, slots=True)
class Fed:
    """One step's clips, and the last frame of the clip before each, 0..1."""

    clip: PreparedClip
    last_B3HW: Tensor

    @classmethod
    def of(cls, clip: PreparedClip, *, single: bool, generator: torch.Generator) -> Fed:
        """Clips that begin where a true one ended; single: one frame of each, chosen at random."""
        last = clip.frames_BT3HW[:, 0]
        if single:
            count = clip.frames_BT3HW.shape[1]
            clip = clip.single_frames(torch.randint(count, (len(clip), 1), generator=generator))
        return cls(clip, last)


class Feed(Protocol):
    """Clips by step."""

    def fed(self, step: int, generator: torch.Generator) -> Fed:
        """The clips of a step; steps are asked for in order, beginning anywhere."""
        ...


class PoolFeed:
    """Random clips of a pool, chosen by the step's generator alone."""

    def __init__(self, pool: ClipPool, batch: int, device: torch.device, *, single: bool) -> None:
        self._pool, self._batch, self._device, self._single = pool, batch, device, single

    def fed(self, step: int, generator: torch.Generator) -> Fed:
        """See `Feed`."""
        chosen = torch.randint(len(self._pool), (self._batch,), generator=generator)
        clip = self._pool.clips(chosen.tolist()).to(self._device).as_floats()
        return Fed.of(clip, single=self._single, generator=generator)


class StreamFeed:
    """New windows at every step. warped: whether the condition uses the warp."""

    def __init__(self, batches: BatchesFrom, device: torch.device, *, single: bool, warped: bool) -> None:
        self._stream, self._device, self._single, self._warped = _Stream(batches), device, single, warped

    def fed(self, step: int, generator: torch.Generator) -> Fed:
        """See `Feed`."""
        batch = self._stream.batch(step).to(self._device)
        clip = next(prepare_window(batch)) if self._warped else prepare_still(batch)
        return Fed.of(clip, single=self._single, generator=generator)


class RolloutFeed:
    """The second clips of windows of two, whose first the model under training has just made itself: the last frame,
    and the ground taken up, are its own, with its own errors."""

    def __init__(self, batches: BatchesFrom, device: torch.device, pipeline: HumanVideoPipeline, steps: int) -> None:
        self._stream, self._device, self._pipeline, self._steps = _Stream(batches), device, pipeline, steps

    @torch.no_grad()
    def fed(self, step: int, generator: torch.Generator) -> Fed:
        """See `Feed`."""
        batch = self._stream.batch(step).to(self._device)
        scene = start_scene(batch)
        warped, scene = scene.warp(drive(batch, 0))
        first = prepared(batch, 0, warped)
        noise = noise_for(self._pipeline, first, generator)
        made = sample_clip(self._pipeline, first, first.frames_BT3HW[:, 0], self._steps, noise)
        warped, _ = scene.take_up(made, warped).warp(drive(batch, 1))
        return Fed(prepared(batch, 1, warped), made[:, -1])


class _Stream:
    """Batches by step: in a row without starting anew."""

    def __init__(self, batches: BatchesFrom) -> None:
        self._open, self._next = batches, -1
        self._batches: Iterator[TrainingBatch] = iter(())

    def batch(self, step: int) -> TrainingBatch:
        if step != self._next:
            self._batches = self._open(step)
        self._next = step + 1
        return next(self._batches)
