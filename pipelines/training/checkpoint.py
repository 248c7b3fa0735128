"""Checkpoints of a stage: everything a resumed run needs to compute what an uninterrupted one computes.

A checkpoint is one safetensors file with the weights, their average and the optimizer's moments; random numbers are a
function of the step, so none are kept.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from models.generator.training.ema import MovingAverage
from schemas.errors import ConfigError
from schemas.training import TrainingConfig

KEPT = 2
"""Checkpoints that stay; older ones are deleted."""
FORMAT = "figureground.training.1"
_FREE = ("steps", "require_used", "log_every", "checkpoint_every", "look_every")
"""Settings that may differ when a run is resumed."""


def save_checkpoint(
    folder: Path,
    step: int,
    module: nn.Module,
    average: MovingAverage,
    optimizer: torch.optim.Optimizer,
    settings: dict[str, Any],
    scaler: dict[str, Any] | None = None,
) -> Path:
    """Write the state after `step` steps, atomically, and delete old ones. settings: `settings_tree`."""
    tensors: dict[str, Tensor] = {f"model.{n}": p for n, p in module.named_parameters()}
    tensors |= {f"average.{n}": t for n, t in average.state_dict().items()}
    tensors |= _optimizer_tensors(module, optimizer)
    facts = {"format": FORMAT, "step": step, "config": settings, "scaler": scaler}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step_{step:08d}.safetensors"
    partial = path.with_suffix(".partial")
    whole = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
    save_file(whole, partial, metadata={"training": json.dumps(facts)})
    partial.replace(path)
    for old in sorted(folder.glob("step_*.safetensors"))[:-KEPT]:
        old.unlink()
    return path


def latest_checkpoint(folder: Path) -> Path | None:
    """The newest whole one, or None."""
    return max(folder.glob("step_*.safetensors"), default=None)


def load_checkpoint(
    path: Path,
    module: nn.Module,
    average: MovingAverage,
    optimizer: torch.optim.Optimizer,
    settings: dict[str, Any],
) -> tuple[int, dict[str, Any] | None]:
    """Put a checkpoint's state into place; its step and the state of the loss scaler.

    Raises ConfigError where it was made with other settings or for another network, or can't be read.
    """
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {})["training"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if facts["format"] != FORMAT:
            raise ConfigError(f"{path} is a checkpoint of another version; train into a new folder")
        require_same_settings(path, facts["config"], settings)
        _load_model(module, {n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")})
        average.load_state_dict({n.removeprefix("average."): t for n, t in tensors.items() if n.startswith("average.")})
        _load_optimizer(module, optimizer, tensors)
    except (SafetensorError, OSError, KeyError, ValueError, RuntimeError) as error:
        raise ConfigError(f"{path} is no checkpoint of this stage and network: {error!r}") from error
    return int(facts["step"]), facts["scaler"]


def _load_model(module: nn.Module, weights: dict[str, Tensor]) -> None:
    named = dict(module.named_parameters())
    if set(named) != set(weights):
        raise KeyError(min(set(named) ^ set(weights)))
    with torch.no_grad():
        for name, parameter in named.items():
            parameter.copy_(weights[name])


def _optimizer_tensors(module: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    names: dict[Tensor, str] = {parameter: name for name, parameter in module.named_parameters()}
    return {
        f"optimizer.{names[parameter]}.{kind}": value
        for parameter, state in optimizer.state.items()
        for kind, value in state.items()
    }


def _load_optimizer(module: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    names = {parameter: name for name, parameter in module.named_parameters()}
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            prefix = f"optimizer.{names[parameter]}."
            state = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
            if state:
                optimizer.state[parameter] = {
                    kind: value.clone() if kind == "step" else value.clone().to(parameter.device)
                    for kind, value in state.items()
                }


def settings_tree(config: TrainingConfig, corpora: Sequence[str]) -> dict[str, Any]:
    """What a run is begun with, as JSON has it."""
    tree: dict[str, Any] = json.loads(json.dumps(asdict(config) | {"corpora": list(corpora)}, default=str))
    return tree


def require_same_settings(path: Path, old: dict[str, Any], new: dict[str, Any]) -> None:
    """A setting that the old run did not know had its default."""
    unknown = settings_tree(TrainingConfig(), new["corpora"])
    a, b = _leaves(unknown) | _leaves(old), _leaves(new)
    changed = [f"{k}: {a.get(k)!r} -> {b.get(k)!r}" for k in sorted(a | b) if a.get(k) != b.get(k) and k not in _FREE]
    if changed:
        raise ConfigError(
            f"{path.parent.parent} was begun with other settings: {'; '.join(changed)}. Use them, or another folder."
        )


def _leaves(tree: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(tree, dict):
        return {prefix: tree}
    return {k: v for key, sub in tree.items() for k, v in _leaves(sub, f"{prefix}.{key}".lstrip(".")).items()}
