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
    Spatial attention may take those of a reference as well, whose attended values are added to its own: two softmaxes,
    so that values of zero change nothing, which added keys in one softmax would.
    """

    def __init__(self, index: int | None = None) -> None:
        """index: of this layer's pair in what it is given. None: it takes none."""
        self.index = index
        self.rows = MAX_ROWS

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | KeysValues | None = None,
        attention_mask: Tensor | None = None,
        reference: KeysValues | None = None,
    ) -> Tensor:
        """Attended states, of the shape of `hidden_states` (M, L, C)."""
        if encoder_hidden_states is None:
            key, value = keys_values(attn, hidden_states)
        elif isinstance(encoder_hidden_states, Tensor):
            key, value = keys_values(attn, encoder_hidden_states)
        else:
            assert self.index is not None
            key, value = encoder_hidden_states[self.index]
        query_MLC = attn.to_q(hidden_states)
        attended = self._attend(attn, query_MLC, key, value)
        if encoder_hidden_states is None and reference is not None and self.index is not None:
            attended = attended + self._attend(attn, query_MLC, *reference[self.index])
        return attn.to_out[1](attn.to_out[0](attended))

    def _attend(self, attn: Attention, query_MLC: Tensor, key: Tensor, value: Tensor) -> Tensor:
        # Queries of a video don't see each other, so all its frames share a row where the keys have one per video.
        query = split_heads(query_MLC.reshape(key.shape[0], -1, query_MLC.shape[-1]), attn.heads)
        if len(query) <= self.rows:
            attended = F.scaled_dot_product_attention(query, key, value)
        else:
            slices = zip(query.split(self.rows), key.split(self.rows), value.split(self.rows), strict=True)
            attended = cat([F.scaled_dot_product_attention(*part) for part in slices])
        return attended.transpose(1, 2).reshape(query_MLC.shape)


def keys_values(attn: Attention, states_MLC: Tensor) -> tuple[Tensor, Tensor]:
    """Keys and values (M, heads, L, width) of one layer."""
    return split_heads(attn.to_k(states_MLC), attn.heads), split_heads(attn.to_v(states_MLC), attn.heads)


def split_heads(states_MLC: Tensor, heads: int) -> Tensor:
    """(M, L, C) to (M, heads, L, width)."""
    return states_MLC.unflatten(-1, (heads, -1)).transpose(1, 2)
