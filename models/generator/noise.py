"""The noise of a clip, from the video's seed and the clip's index alone."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def clip_noise(seed: int, clip: int, shape: tuple[int, ...]) -> Tensor:
    """Standard normal noise, float32 on the CPU: the same on every device, in every batch, whenever it is made."""
    mixed = np.random.SeedSequence([seed, clip]).generate_state(1, np.uint64)[0]
    return torch.randn(shape, generator=torch.Generator().manual_seed(int(mixed)))
