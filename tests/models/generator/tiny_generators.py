"""Real generators at tiny size, and the clips that drive them."""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL, MotionAdapter, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from models.generator.conditions import ClipInputs
from models.generator.pipeline import HumanVideoPipeline, VideoInputs
from models.generator.pocket import pocket

SIZE = 16
FRAMES = 4


def tiny_pocket(trained: bool = True, **settings) -> HumanVideoPipeline:
    """A pocket generator whose zero-initialised layers hold weights, as after training, unless told otherwise."""
    torch.manual_seed(0)
    pipeline = pocket(widths=(16, 16, 32), **settings)
    if trained:
        fill_zeros(pipeline.unet)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@torch.no_grad()
def fill_zeros(model: torch.nn.Module) -> None:
    for parameter in model.parameters():
        if not parameter.any():
            parameter.normal_(std=0.1)


def clip(seed: int, frames: int = FRAMES, size: int = SIZE) -> ClipInputs:
    generator = torch.Generator().manual_seed(seed)
    return ClipInputs(*(torch.rand(frames, 3, size, size, generator=generator) for _ in range(2)))


def video(seed: int, clips: int = 2, size: int = SIZE) -> VideoInputs:
    reference = torch.rand(3, size, size, generator=torch.Generator().manual_seed(1000 + seed))
    return VideoInputs(reference, seed, [clip(100 * seed + index, size=size) for index in range(clips)])


def tiny_unet2d() -> UNet2DConditionModel:
    """Stable Diffusion 1.5's levels at small widths."""
    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(32, 32, 64, 64),
        layers_per_block=2,
        cross_attention_dim=32,
        attention_head_dim=4,
        norm_num_groups=16,
        act_fn="silu",
    )


def tiny_adapter(**settings) -> MotionAdapter:
    """AnimateDiff's adapter at the widths of `tiny_unet2d`."""
    sizes = {"block_out_channels": (32, 32, 64, 64), "motion_num_attention_heads": 4, "motion_norm_num_groups": 16}
    return MotionAdapter(**{**sizes, "use_motion_mid_block": False, **settings})


def save_stable_diffusion(folder, text: bool = True) -> None:
    """A randomly initialised folder of Stable Diffusion 1.5's layout beside a whole CLIP, or of image variations'."""
    torch.manual_seed(1)
    tiny_unet2d().save_pretrained(folder / "unet")
    AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(16, 16, 16, 16),
        norm_num_groups=8,
        layers_per_block=1,
        latent_channels=4,
        scaling_factor=0.18215,
    ).save_pretrained(folder / "vae")
    tiny_adapter().save_pretrained(folder / "motion")
    small = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4}
    vision = CLIPVisionConfig(**small, image_size=32, patch_size=16, projection_dim=32)
    words = CLIPTextConfig(**small, vocab_size=64, max_position_embeddings=7, projection_dim=32)
    if text:
        CLIPTextModel(words).save_pretrained(folder / "text_encoder")
        both = CLIPConfig(text_config=words.to_dict(), vision_config=vision.to_dict(), projection_dim=32)
        CLIPModel(both).save_pretrained(folder / "clip")
    else:
        CLIPVisionModelWithProjection(vision).save_pretrained(folder / "image_encoder")
    use_old_attention_names(folder / "vae" / "diffusion_pytorch_model.safetensors")


def use_old_attention_names(path) -> None:
    """The names in the published file of Stable Diffusion 1.5's autoencoder, older than the code that reads it."""
    old = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}
    weights = load_file(path)
    for new_part, old_part in old.items():
        weights = {name.replace(new_part, old_part): tensor for name, tensor in weights.items()}
    save_file(weights, path, metadata={"format": "pt"})


class ThroughPixels:
    """Hands on the last frame through its pixels, with a channel that says it is known: a builder with a memory."""

    extra_channels = 1
    remembers_frames = True

    def begin(self, reference_3HW, motion):
        return {"frame": reference_3HW}

    def build(self, states, clips, frames, encode):
        latents = encode(torch.stack([state.memory["frame"] for state in states]))
        condition = torch.cat([latents, torch.ones_like(latents[:, :1])], 1)
        return condition[:, None].expand(-1, frames, -1, -1, -1)

    def remember(self, state, clip, frames_T3HW):
        return {"frame": frames_T3HW[-1]}
