"""How sharp videos are beside others. Import only where torch is installed."""

from __future__ import annotations

from torch import Tensor

from models.generator.sharpness import gradient_energy


def sharpness_ratio(made_BT3HW: Tensor, true_BT3HW: Tensor) -> float:
    """Gradient energy of the made videos over the true ones'; 1 is as sharp, less is blurred, more is noisy."""
    return float(gradient_energy(made_BT3HW).sum() / gradient_energy(true_BT3HW).sum())
