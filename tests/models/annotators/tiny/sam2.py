"""SAM 2 at 128 px, with weights by chance, in the format of transformers. Its code fixes memories at 64 channels."""

from __future__ import annotations

from pathlib import Path


def save_sam2(folder: Path, seed: int = 6) -> tuple[Path, Path]:
    """The files of the tensors and of the description.

    seed: with this one a person's mask is about two thirds of the picture, in bfloat16 too; with many it is empty.
    """
    import torch
    from transformers import Sam2VideoConfig, Sam2VideoModel

    torch.manual_seed(seed)
    config = Sam2VideoConfig(
        image_size=128,
        vision_config={
            "model_type": "sam2_vision_model",
            "backbone_config": {
                "model_type": "sam2_hiera_det_model", "hidden_size": 16, "image_size": [128, 128],
                "blocks_per_stage": [1, 1, 2, 1], "embed_dim_per_stage": [16, 32, 64, 128],
                "num_attention_heads_per_stage": [1, 2, 4, 8], "window_size_per_stage": [8, 4, 8, 4],
                "global_attention_blocks": [3],
            },
            "backbone_channel_list": [128, 64, 32, 16], "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]],
            "fpn_hidden_size": 128,
        },
        prompt_encoder_config={"hidden_size": 128, "image_size": 128, "mask_input_channels": 8},
        mask_decoder_config={"hidden_size": 128, "mlp_dim": 64, "iou_head_hidden_dim": 32},
        memory_attention_hidden_size=128, memory_attention_num_layers=1, memory_attention_feed_forward_hidden_size=64,
        memory_attention_rope_feat_sizes=[8, 8], memory_encoder_hidden_size=128, memory_encoder_output_channels=64,
        mask_downsampler_embed_dim=128, memory_fuser_embed_dim=128, memory_fuser_intermediate_dim=64,
    )  # fmt: skip
    model = Sam2VideoModel(config)
    for weight in model.vision_encoder.parameters():  # the published initialisation sees next to nothing
        torch.nn.init.normal_(weight, std=0.2)
    model.save_pretrained(folder)
    return folder / "model.safetensors", folder / "config.json"
