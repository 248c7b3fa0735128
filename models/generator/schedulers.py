"""Samplers by name, all with zero terminal signal-to-noise: the first step starts from noise alone, as in training."""

from __future__ import annotations

from typing import Any

from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, UniPCMultistepScheduler

from schemas.errors import ConfigError
from schemas.sampling import Sampler

CLASSES: dict[str, Any] = {
    Sampler.DDIM: DDIMScheduler,
    Sampler.DPM_SOLVER: DPMSolverMultistepScheduler,
    Sampler.UNIPC: UniPCMultistepScheduler,
}
SCHEDULE = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
}
"""Stable Diffusion's schedule, rescaled (arXiv 2305.08891)."""


def sampler(name: str, *, residual: bool) -> Any:
    """A diffusers scheduler. residual: for a network that predicts x0; others predict v.

    Raises ConfigError for an unknown name.
    """
    if name not in CLASSES:
        raise ConfigError(f"unknown sampler {name!r}; choose one of {', '.join(CLASSES)}")
    extra = {"clip_sample": False} if name == Sampler.DDIM else {"final_sigmas_type": "zero"}
    return CLASSES[name](**SCHEDULE, **extra, prediction_type="sample" if residual else "v_prediction")
