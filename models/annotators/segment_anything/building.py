"""The network, built to the shapes of a checkpoint: published sizes and smaller ones through the same code."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from schemas.errors import ConfigError, WeightsError
from schemas.extras import needs

if TYPE_CHECKING:
    from segment_anything.modeling import Sam

State = dict[str, Tensor]

_DECODER_HEADS = 8
"""Of every published size; the one number that no shape tells."""
_WINDOW = 14


def build_sam(state: State) -> Sam:
    """The network with these weights, for inference. Raises ConfigError without the package, WeightsError otherwise."""
    try:
        from segment_anything.modeling import Sam
    except ModuleNotFoundError as error:
        raise ConfigError(needs("segment_anything", error.name, wanted="annotate")) from None
    try:
        with torch.device("meta"):
            sam = Sam(_image_encoder(state), _prompt_encoder(state), _mask_decoder(state))
        sam.load_state_dict(state, assign=True)
    except (KeyError, RuntimeError) as error:
        raise WeightsError(f"these are no weights of Segment Anything: {error}") from None
    # Not in the checkpoint: the published normalisation, which the meta device has left without values.
    sam.pixel_mean = torch.tensor([123.675, 116.28, 103.53]).view(-1, 1, 1)
    sam.pixel_std = torch.tensor([58.395, 57.12, 57.375]).view(-1, 1, 1)
    return sam.eval().requires_grad_(False)


def _count(state: State, prefix: str) -> int:
    return len({key[len(prefix) :].split(".")[0] for key in state if key.startswith(prefix)})


def _grid_and_patch(state: State) -> tuple[int, int]:
    patch = state["image_encoder.patch_embed.proj.weight"].shape[-1]
    return state["image_encoder.pos_embed"].shape[1], patch


def _image_encoder(state: State) -> Any:
    from segment_anything.modeling import ImageEncoderViT

    grid, patch = _grid_and_patch(state)
    depth = _count(state, "image_encoder.blocks.")
    width = state["image_encoder.patch_embed.proj.weight"].shape[0]
    reach = [state[f"image_encoder.blocks.{block}.attn.rel_pos_h"].shape for block in range(depth)]
    windows = {(length + 1) // 2 for length, _ in reach} - {grid}
    return ImageEncoderViT(
        img_size=grid * patch,
        patch_size=patch,
        embed_dim=width,
        depth=depth,
        num_heads=width // reach[0][1],
        mlp_ratio=state["image_encoder.blocks.0.mlp.lin1.weight"].shape[0] / width,
        out_chans=state["image_encoder.neck.0.weight"].shape[0],
        norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
        use_rel_pos=True,
        window_size=windows.pop() if windows else _WINDOW,
        global_attn_indexes=tuple(block for block in range(depth) if (reach[block][0] + 1) // 2 == grid),
    )


def _prompt_encoder(state: State) -> Any:
    from segment_anything.modeling import PromptEncoder

    grid, patch = _grid_and_patch(state)
    return PromptEncoder(
        embed_dim=state["prompt_encoder.no_mask_embed.weight"].shape[1],
        image_embedding_size=(grid, grid),
        input_image_size=(grid * patch, grid * patch),
        mask_in_chans=state["prompt_encoder.mask_downscaling.3.weight"].shape[0],
    )


def _mask_decoder(state: State) -> Any:
    from segment_anything.modeling import MaskDecoder, TwoWayTransformer

    width = state["mask_decoder.iou_token.weight"].shape[1]
    return MaskDecoder(
        transformer_dim=width,
        transformer=TwoWayTransformer(
            depth=_count(state, "mask_decoder.transformer.layers."),
            embedding_dim=width,
            num_heads=_DECODER_HEADS,
            mlp_dim=state["mask_decoder.transformer.layers.0.mlp.lin1.weight"].shape[0],
        ),
        num_multimask_outputs=state["mask_decoder.mask_tokens.weight"].shape[0] - 1,
        iou_head_depth=_count(state, "mask_decoder.iou_prediction_head.layers."),
        iou_head_hidden_dim=state["mask_decoder.iou_prediction_head.layers.0.weight"].shape[0],
    )
