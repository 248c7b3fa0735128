"""Weights as tensors by name, read without running anybody's code. Import this module only where torch is installed."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from models.weights.registry import weight_file
from models.weights.store import locate
from schemas.errors import WeightsError


def read_state(name: str) -> dict[str, Tensor]:
    """Tensors of a registered, verified file, on the CPU.

    safetensors are read as they are; a pickle only if it is pinned and its publisher is known, and then with
    `weights_only`. Of a training checkpoint its `state_dict`. Raises WeightsError for anything else, or a file that
    does not hold what its ending says.
    """
    file, path = weight_file(name), locate(name)
    if _is_safetensors(path):
        return _read_safetensors(path)
    if not file.publisher:
        raise WeightsError(
            f"{path} is no safetensors file. A pickle can run anything when it is read, so only those of known "
            "publishers are; convert it with safetensors.torch.save_file"
        )
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a broken or hostile pickle makes torch raise
        raise WeightsError(f"{path} cannot be read as weights: {type(error).__name__}: {error}") from None
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{path} holds something else than tensors by name")
    return state


def _is_safetensors(path: Path) -> bool:
    """By content: 8 bytes of length, then a JSON header. The names in the cache do not keep endings."""
    with path.open("rb") as content:
        head = content.read(9)
    return len(head) == 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < path.stat().st_size


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise WeightsError(f"{path} cannot be read as safetensors: {error}") from None
