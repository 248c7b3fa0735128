"""Segment Anything at 128 px, with weights by chance."""

from __future__ import annotations

from pathlib import Path


def save_sam(path: Path, seed: int = 4) -> Path:
    """seed: with this one a person's mask is about half of the picture, neither nothing nor all of it."""
    import torch
    from safetensors.torch import save_file
    from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

    torch.manual_seed(seed)
    encoder = ImageEncoderViT(
        img_size=128, patch_size=16, embed_dim=32, depth=2, num_heads=2, out_chans=32, use_rel_pos=True,
        window_size=4, global_attn_indexes=(1,),
    )  # fmt: skip
    prompts = PromptEncoder(embed_dim=32, image_embedding_size=(8, 8), input_image_size=(128, 128), mask_in_chans=8)
    transformer = TwoWayTransformer(depth=2, embedding_dim=32, num_heads=8, mlp_dim=64)
    decoder = MaskDecoder(transformer_dim=32, transformer=transformer, iou_head_hidden_dim=32)
    for weight in encoder.parameters():  # positions begin at zero, and everything near it
        torch.nn.init.normal_(weight, std=0.2)
    save_file(Sam(encoder, prompts, decoder).state_dict(), path)
    return path
