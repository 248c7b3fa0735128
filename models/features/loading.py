"""Weights into networks, whole or not at all. Import only where torch is installed."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from models.weights.states import read_state
from schemas.errors import WeightsError

_COUNTER = "num_batches_tracked"
"""Training only; files that were converted from elsewhere lack it."""


def load(network: nn.Module, weights: str, rename: Mapping[str, str] | None = None, drop: str = "") -> nn.Module:
    """Fill a network with registered weights; it comes back frozen, ready to look, on a GPU if there is one.

    rename: beginnings of names in the file, and what stands for them in the network. drop: beginning of names in the
    file that the network has no place for. Raises WeightsError for weights of another network.
    """
    state: dict[str, Tensor] = {}
    for key, value in read_state(weights).items():
        name = key.removeprefix("module.")
        if drop and name.startswith(drop):
            continue
        old = max((o for o in rename or {} if name.startswith(o)), key=len, default="")
        state[(rename or {}).get(old, "") + name[len(old) :]] = value
    try:
        wrong = network.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise WeightsError(f"{weights} are weights of another network: {error}") from None
    missing = [name for name in wrong.missing_keys if not name.endswith(_COUNTER)]
    if missing or wrong.unexpected_keys:
        odd = ", ".join([*missing, *wrong.unexpected_keys][:3])
        raise WeightsError(f"{weights} are weights of another network: {odd} and others do not match")
    return network.eval().requires_grad_(False).to(device())


def device() -> torch.device:
    """A GPU, or the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
