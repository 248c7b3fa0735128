"""How far a prediction is off, weighed by noise level and by region.

Shape suffixes: B batch, T frames, C channels, H W pixels, h w latent.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from models.generator.sharpness import gradient_energy
from models.generator.training.prepared import PreparedClip
from schemas.training import LossConfig

_FLOOR = 1e-3
"""Squared error, in latents of deviation about 1, below which an error counts no more for being small already."""
_WHOLE_AREA = 0.01
"""Share of the frame from which a region counts fully."""
REGIONS = ("figure", "known", "fresh")


@dataclass(frozen=True, slots=True)
class Regions:
    """Where a frame shows the figure, ground the condition knows, and ground it doesn't. (B, T, 1, h, w) in 0..1."""

    figure: Tensor
    known: Tensor
    fresh: Tensor

    @classmethod
    def of(cls, clip: PreparedClip, size: tuple[int, int]) -> Regions:
        """At the size of the latents."""
        known = (clip.valid_BT1HW >= 0.5).float()
        ground = 1 - clip.figure_BT1HW
        masks = torch.cat([clip.figure_BT1HW, ground * known, ground * (1 - known)], 2)
        small = F.interpolate(masks.flatten(0, 1), size, mode="area").unflatten(0, masks.shape[:2])
        return cls(*small.split(1, 2))


def region_errors(
    error_BTChw: Tensor, base_error_BTChw: Tensor, regions: Regions, floor: float = _FLOOR
) -> dict[str, Tensor]:
    """Per region (B, T): mean squared error, relative to that of the condition alone. Regions that are hardly there
    count less, down to 0. 1 is as good as the condition; 0.5 is 3 dB better."""
    squared, base = (e.square().mean(2, keepdim=True) for e in (error_BTChw, base_error_BTChw))
    errors = {}
    for name in REGIONS:
        mask = getattr(regions, name)
        area = mask.sum((2, 3, 4))
        whole = _WHOLE_AREA * mask.shape[-1] * mask.shape[-2]
        there = (area / whole).clamp_max(1)
        divisor = area.clamp_min(1e-6)
        allowed = (base * mask).sum((2, 3, 4)) / divisor + floor
        errors[name] = there * ((squared * mask).sum((2, 3, 4)) / divisor) / allowed
    return errors


def snr_weights(timestep_B: Tensor, alphas_cumprod: Tensor, cap: float, *, residual: bool) -> Tensor:
    """(B,) weights of squared errors. residual: of x0; else of v.

    v: min-SNR (arXiv 2303.09556), 1 where the signal is nothing. x0: the ratio between 1 and the cap, the truncated
    weight of arXiv 2202.00512, so that pure noise counts too.
    """
    alpha = alphas_cumprod.to(timestep_B.device)[timestep_B].double()
    ratio = alpha / (1 - alpha).clamp_min(1e-8)
    if residual:
        return ratio.clamp(1, cap).float()
    return torch.where(ratio > 0, ratio.clamp_max(cap) / (ratio + 1), 1.0).float()


def denoised(noisy_BTChw: Tensor, velocity_BTChw: Tensor, alpha_B: Tensor) -> Tensor:
    """x0 of a prediction of v. alpha: cumulative product of the schedule at the timesteps."""
    alpha = alpha_B.view(-1, 1, 1, 1, 1)
    return alpha.sqrt() * noisy_BTChw - (1 - alpha).sqrt() * velocity_BTChw


def blur(made_BT3HW: Tensor, true_BT3HW: Tensor) -> Tensor:
    """(B,) squared logarithm of the videos' gradient energy over the true ones': 0 is as sharp. Pixels of any range."""
    return (gradient_energy(made_BT3HW) / gradient_energy(true_BT3HW).clamp_min(1e-6)).clamp_min(1e-3).log().square()


def weighed(errors: dict[str, Tensor], weight_B: Tensor, config: LossConfig) -> Tensor:
    """The loss: a number."""
    total = sum(getattr(config, name) * errors[name] for name in REGIONS)
    scale = sum(getattr(config, name) for name in REGIONS)
    return (total * weight_B[:, None]).mean() / scale
