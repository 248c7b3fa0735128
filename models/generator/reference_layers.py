"""Layers of the reference network and of what listens to it that diffusers does not have.

Shape suffixes: B videos, M pictures (a multiple of B), L positions, C channels, h w latent.
"""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn

from models.generator.attention import GeneratorAttention, split_heads
from models.generator.features import KeysValues


class StatesTaken(GeneratorAttention):
    """Attention of the reference network: self-attention leaves what it is given in `taken`, under its name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | KeysValues | None = None,
        attention_mask: Tensor | None = None,
        reference: KeysValues | None = None,
        taken: dict[str, Tensor] | None = None,
    ) -> Tensor:
        """Attended states, of the shape of `hidden_states` (M, L, C)."""
        if encoder_hidden_states is None and taken is not None:
            taken[self.name] = hidden_states
        return super().__call__(attn, hidden_states, encoder_hidden_states)


class LastStates(nn.Module):
    """A transformer layer cut off after its first norm, whose output it leaves in `taken`, under its name."""

    def __init__(self, layer: BasicTransformerBlock, name: str) -> None:
        super().__init__()
        self.norm1, self.name = layer.norm1, name

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        timestep: Tensor | None = None,
        cross_attention_kwargs: dict[str, Any] | None = None,
        class_labels: Tensor | None = None,
    ) -> Tensor:
        """The same states; parameters are those of BasicTransformerBlock."""
        assert cross_attention_kwargs is not None
        cross_attention_kwargs["taken"][self.name] = self.norm1(hidden_states)
        return hidden_states


class LevelAttention(nn.Module):
    """Attention to the reference at a level that has no spatial attention; added to its states."""

    def __init__(self, width: int, heads: int, groups: int) -> None:
        super().__init__()
        self.width, self.heads = width, heads
        self.norm = nn.GroupNorm(groups, width)
        self.to_q, self.to_k, self.to_out = (nn.Linear(width, width, bias=False) for _ in range(3))

    def states(self, hidden_MChw: Tensor) -> Tensor:
        """(M, L, C): what attends, and of the reference what is attended to."""
        states: Tensor = self.norm(hidden_MChw).flatten(2).transpose(1, 2)
        return states

    def forward(self, hidden_MChw: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """(M, C, h, w). key, value: of the reference, (B, heads, L, width)."""
        states = self.states(hidden_MChw)
        query = split_heads(self.to_q(states).reshape(len(key), -1, self.width), self.heads)
        attended = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(states.shape)
        added: Tensor = self.to_out(attended).transpose(1, 2).unflatten(2, hidden_MChw.shape[2:])
        return hidden_MChw + added
