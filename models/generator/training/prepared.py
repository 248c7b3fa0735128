"""One clip as the training step takes it: pictures of the conditions made, nothing dropped or disturbed yet.

Shape suffixes: B batch, T frames, C latent channels, K condition channels, H W pixels, h w latent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class PreparedClip:
    """Pixels in 0..1, masks and rasters likewise, all float32 or all uint8 in 0..255 (`as_bytes`).

    frames_BT3HW: the truth. figure_BT1HW: the driven person. warped_BT3HW: figure over ground, out of the reference.
    valid_BT1HW: warped ground that is known. alpha_BT1HW: warped figure. pose_BT3HW, points_BT3HW: rasters.
    other_B3HW: the picture of the global feature.
    """

    frames_BT3HW: Tensor
    figure_BT1HW: Tensor
    warped_BT3HW: Tensor
    valid_BT1HW: Tensor
    alpha_BT1HW: Tensor
    pose_BT3HW: Tensor
    points_BT3HW: Tensor
    other_B3HW: Tensor

    def __len__(self) -> int:
        return len(self.frames_BT3HW)

    def tensors(self) -> dict[str, Tensor]:
        """By name, in a fixed order."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def as_bytes(self) -> PreparedClip:
        """A quarter of the memory."""
        return PreparedClip(**{n: (t.clamp(0, 1) * 255).round().byte() for n, t in self.tensors().items()})

    def as_floats(self) -> PreparedClip:
        """The inverse of `as_bytes`; floats stay as they are."""
        return PreparedClip(**{n: t.float() / 255 if t.dtype == torch.uint8 else t for n, t in self.tensors().items()})

    def rows(self, index: Tensor | slice) -> PreparedClip:
        """Some of the batch."""
        return PreparedClip(**{n: t[index] for n, t in self.tensors().items()})

    def to(self, device: torch.device | str) -> PreparedClip:
        """The same on a device."""
        return PreparedClip(**{n: t.to(device) for n, t in self.tensors().items()})

    def single_frames(self, chosen_BF: Tensor) -> PreparedClip:
        """Some frames of each clip as clips of one frame, (B * F, 1, ...). chosen_BF: int64 indices of frames."""
        rows = torch.arange(len(self))[:, None]
        frames = {n: t[rows, chosen_BF].flatten(0, 1)[:, None] for n, t in self.tensors().items() if t.ndim == 5}
        return PreparedClip(**frames, other_B3HW=self.other_B3HW.repeat_interleave(chosen_BF.shape[1], 0))


def concatenate(clips: Sequence[PreparedClip]) -> PreparedClip:
    """One batch of several."""
    named = [clip.tensors() for clip in clips]
    return PreparedClip(**{name: torch.cat([tensors[name] for tensors in named]) for name in named[0]})
