"""Attention of the generator: keys and values of the global tokens once per video, and a bound on batch rows.

Shape suffixes: B videos, M attention rows (a multiple of B), L positions, N tokens, C channels, D token width.
"""

from __future__ import annotations

import torch.nn.functional as F
from diffusers.models.attention_processor import Attention
from torch import Tensor, cat

from models.generator.features import KeysValues

MAX_ROWS = 1 << 15
"""Temporal attention has a row per latent pixel, video and guidance branch; CUDA grids end at 65,535."""


class GeneratorAttention:
    """Attention processor for the spatial, the temporal and the cross-attention layers alike.

    Cross-attention takes tokens (B, N, D) or their keys and values, one row per video however many frames it has.
    """

    def __init__(self, index: int | None = None) -> None:
        self.index = index
        self.rows = MAX_ROWS

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | KeysValues | None = None,
        attention_mask: Tensor | None = None,
    ) -> Tensor:
        """Attended states, of the shape of `hidden_states` (M, L, C)."""
        shape = hidden_states.shape
        if encoder_hidden_states is None:
            key, value = keys_values(attn, hidden_states)
        elif isinstance(encoder_hidden_states, Tensor):
            key, value = keys_values(attn, encoder_hidden_states)
        else:
            assert self.index is not None
            key, value = encoder_hidden_states[self.index]
        # Queries of cross-attention don't see each other, so all frames of a video share the row of its tokens.
        query = split_heads(attn, attn.to_q(hidden_states).reshape(key.shape[0], -1, shape[-1]))
        attended = self._attend(query, key, value).transpose(1, 2).reshape(shape)
        return attn.to_out[1](attn.to_out[0](attended))

    def _attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        if len(query) <= self.rows:
            return F.scaled_dot_product_attention(query, key, value)
        slices = zip(query.split(self.rows), key.split(self.rows), value.split(self.rows), strict=True)
        return cat([F.scaled_dot_product_attention(*part) for part in slices])


def keys_values(attn: Attention, states_MLC: Tensor) -> tuple[Tensor, Tensor]:
    """Keys and values (M, heads, L, width) of one layer."""
    return split_heads(attn, attn.to_k(states_MLC)), split_heads(attn, attn.to_v(states_MLC))


def split_heads(attn: Attention, states_MLC: Tensor) -> Tensor:
    """(M, L, C) to (M, heads, L, width)."""
    return states_MLC.unflatten(-1, (attn.heads, -1)).transpose(1, 2)
