"""Folders of the layout, names, shapes and type of Stable Diffusion 1.5, AnimateDiff and CLIP ViT-L, at random weights.

Configurations are those of the published files; what they leave out is diffusers' and transformers' default.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, MotionAdapter, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTextModel

UNET = {
    "_class_name": "UNet2DConditionModel",
    "_diffusers_version": "0.6.0",
    "act_fn": "silu",
    "attention_head_dim": 8,
    "block_out_channels": [320, 640, 1280, 1280],
    "center_input_sample": False,
    "cross_attention_dim": 768,
    "down_block_types": [*["CrossAttnDownBlock2D"] * 3, "DownBlock2D"],
    "downsample_padding": 1,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "in_channels": 4,
    "layers_per_block": 2,
    "mid_block_scale_factor": 1,
    "norm_eps": 1e-05,
    "norm_num_groups": 32,
    "out_channels": 4,
    "sample_size": 64,
    "up_block_types": ["UpBlock2D", *["CrossAttnUpBlock2D"] * 3],
}
VAE = {
    "_class_name": "AutoencoderKL",
    "_diffusers_version": "0.6.0",
    "act_fn": "silu",
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "in_channels": 3,
    "latent_channels": 4,
    "layers_per_block": 2,
    "norm_num_groups": 32,
    "out_channels": 3,
    "sample_size": 512,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
}
TEXT = {
    "architectures": ["CLIPTextModel"],
    "model_type": "clip_text_model",
    "bos_token_id": 0,
    "eos_token_id": 2,
    "hidden_act": "quick_gelu",
    "hidden_size": 768,
    "intermediate_size": 3072,
    "max_position_embeddings": 77,
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "pad_token_id": 1,
    "torch_dtype": "float32",
    "vocab_size": 49408,
}
VISION = {
    "model_type": "clip_vision_model",
    "hidden_act": "quick_gelu",
    "hidden_size": 1024,
    "image_size": 224,
    "intermediate_size": 4096,
    "num_attention_heads": 16,
    "num_hidden_layers": 24,
    "patch_size": 14,
    "projection_dim": 768,
}
CLIP = {
    "architectures": ["CLIPModel"],
    "model_type": "clip",
    "projection_dim": 768,
    "text_config": {**TEXT, "projection_dim": 768},
    "vision_config": VISION,
}
MOTION = {
    "_class_name": "MotionAdapter",
    "_diffusers_version": "0.23.0.dev0",
    "block_out_channels": [320, 640, 1280, 1280],
    "motion_layers_per_block": 2,
    "motion_max_seq_length": 32,
    "motion_mid_block_layers_per_block": 1,
    "motion_norm_num_groups": 32,
    "motion_num_attention_heads": 8,
    "use_motion_mid_block": False,
}
OLD_ATTENTION = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}
DIFFUSERS_FILE = "diffusion_pytorch_model.safetensors"


def save_published(folder: Path) -> None:
    """folder/sd15, folder/motion and folder/clip, in float16: 3.9 GB. One model at a time is in memory."""
    with torch.device("meta"):
        shapes = {
            "sd15/unet": UNet2DConditionModel.from_config(UNET),
            "sd15/vae": AutoencoderKL.from_config(VAE),
            "sd15/text_encoder": CLIPTextModel(CLIPTextConfig(**TEXT)),
            "motion": MotionAdapter.from_config(MOTION),
            "clip": CLIPModel(CLIPConfig(**CLIP)),
        }
    configs = dict(zip(shapes, (UNET, VAE, TEXT, MOTION, CLIP), strict=True))
    generator = torch.Generator().manual_seed(5)
    for name, model in shapes.items():
        weights = {key: random_weight(key, each.shape, generator) for key, each in model.state_dict().items()}
        write(folder / name, configs[name], published_names(name, weights))


def random_weight(name: str, shape: torch.Size, generator: torch.Generator) -> torch.Tensor:
    """Weights that keep the size of what passes them, so that float16 holds it; scales of norms about one."""
    drawn = torch.randn(shape, generator=generator)
    if len(shape) > 1:
        drawn /= math.sqrt(math.prod(shape[1:]))
    else:
        drawn = 0.1 * drawn + (1 if "norm" in name and name.endswith("weight") else 0)
    return drawn.half()


def published_names(folder: str, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The names in the published files, some older than the code that reads them."""
    if folder == "sd15/vae":
        for new, old in OLD_ATTENTION.items():
            weights = {name.replace(new, old): tensor for name, tensor in weights.items()}
    if folder == "sd15/text_encoder":
        weights = {f"text_model.{name.removeprefix('text_model.')}": tensor for name, tensor in weights.items()}
        weights["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    return weights


def write(folder: Path, config: dict[str, Any], weights: dict[str, torch.Tensor]) -> None:
    """A configuration and its weights."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    file = DIFFUSERS_FILE if "_class_name" in config else "model.safetensors"
    save_file(weights, folder / file, metadata={"format": "pt"})
