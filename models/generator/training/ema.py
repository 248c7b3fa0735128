"""The moving average of the weights: what is looked at and saved."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MovingAverage:
    """Averages a module's parameters, those that learn; the others are shared with it.

    Early on the average forgets faster, so that it doesn't keep the beginning: decay min(decay, (1 + n) / (10 + n)).
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self.weights: dict[str, Tensor] = {
            name: parameter.detach().clone() for name, parameter in module.named_parameters() if parameter.requires_grad
        }

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Take in the weights after a step."""
        self.steps += 1
        share = 1 - min(self.decay, (1 + self.steps) / (10 + self.steps))
        learning = dict(module.named_parameters())
        names = list(self.weights)
        torch._foreach_lerp_([self.weights[n] for n in names], [learning[n].detach() for n in names], share)

    @torch.no_grad()
    def swap(self, module: nn.Module) -> None:
        """Exchange the module's weights with the average's; twice is none."""
        for name, parameter in module.named_parameters():
            if name in self.weights:
                mine = self.weights[name].clone()
                self.weights[name].copy_(parameter)
                parameter.copy_(mine)

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors by name."""
        return {**self.weights, "steps": torch.tensor(self.steps)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """The inverse. Raises KeyError where a weight is missing."""
        self.steps = int(state["steps"])
        for name, tensor in self.weights.items():
            tensor.copy_(state[name])
