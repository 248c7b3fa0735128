"""The condition frames the network sees beside the noise: the protocol, and the paper's plain repetition.

A pipeline names its builder, so that a saved model finds the one it was trained with.

Shape suffixes: B batch, T frames, C channels, H W pixels, h w latent.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from models.generator.state import ClipState
from schemas.errors import ConfigError, GenerationError

Encode = Callable[[Tensor], Tensor]
"""(N, 3, H, W) pixels in -1..1 to (N, C, h, w) latents, as the autoencoder of the pipeline does it."""


@dataclass(frozen=True, slots=True)
class ClipInputs:
    """What drives one clip of one video. Frame 0 is the last frame of the clip before (or the reference).

    pose_T3HW, points_T3HW: rasters in 0..1; None where figure or ground is left undriven.
    motion: the numbers behind the rasters, on the same frames, for builders that warp; the builder names its keys.
    """

    pose_T3HW: Tensor | None
    points_T3HW: Tensor | None
    motion: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        """Length of the clip. Raises GenerationError where neither raster is given."""
        rasters = [raster for raster in (self.pose_T3HW, self.points_T3HW) if raster is not None]
        if not rasters:
            raise GenerationError("a clip has neither pose nor points; give at least one raster")
        return len(rasters[0])


class ConditionBuilder(Protocol):
    """Makes the condition frames of a clip, and carries a memory from clip to clip."""

    @property
    def extra_channels(self) -> int:
        """Channels beside the condition latents, such as validity masks; the network is built for them."""
        ...

    @property
    def remembers_frames(self) -> bool:
        """Whether `remember` needs the decoded frames: decoding then cannot overlap the next clip."""
        ...

    def begin(self, reference_3HW: Tensor, motion: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The memory of a new video. reference_3HW: pixels in -1..1. motion: of the first clip."""
        ...

    def build(self, states: Sequence[ClipState], clips: Sequence[ClipInputs], frames: int, encode: Encode) -> Tensor:
        """Condition (B, T, C + extra_channels, h, w), one row per video; the latents come first.

        frames: T, the same for every clip of the batch.
        """
        ...

    def remember(self, state: ClipState, clip: ClipInputs, frames_T3HW: Tensor | None) -> Mapping[str, Tensor]:
        """The memory after a clip. frames_T3HW: its pixels in -1..1 where `remembers_frames`, else None."""
        ...


class RepeatLast:
    """The paper's condition: the last latent (at first the reference's) at every frame of the clip."""

    extra_channels = 0
    remembers_frames = False

    def begin(self, reference_3HW: Tensor, motion: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Nothing to carry beside the state's last latent."""
        return {}

    def build(self, states: Sequence[ClipState], clips: Sequence[ClipInputs], frames: int, encode: Encode) -> Tensor:
        """(B, T, C, h, w): each video's last latent, repeated over time without copying."""
        return torch.stack([state.last_latent_Chw for state in states])[:, None].expand(-1, frames, -1, -1, -1)

    def remember(self, state: ClipState, clip: ClipInputs, frames_T3HW: Tensor | None) -> Mapping[str, Tensor]:
        """Nothing to carry beside the state's last latent."""
        return {}


_WARP = "models.generator.warp.condition"
BUILDERS = {
    "repeat": "models.generator.conditions:RepeatLast",
    "warped": f"{_WARP}:WarpedCondition",
    "warped-last4": f"{_WARP}:WarpedConditionWithLast4",
    "warped-last12": f"{_WARP}:WarpedConditionWithLast12",
}


def condition_builder(name: str) -> ConditionBuilder:
    """The builder of that name. Raises ConfigError for an unknown one."""
    if name not in BUILDERS:
        raise ConfigError(f"unknown condition {name!r}; choose one of {', '.join(BUILDERS)}")
    module, _, attribute = BUILDERS[name].partition(":")
    builder: ConditionBuilder = getattr(importlib.import_module(module), attribute)()
    return builder
