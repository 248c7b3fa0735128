"""Saving, loading and beginning from published weights; folders that don't hold what they should."""

from __future__ import annotations

import json
import shutil

import pytest

torch = pytest.importorskip("torch", reason="the generator needs the torch extra")

from safetensors.torch import load_file, save_file  # noqa: E402
from transformers import CLIPTextModel  # noqa: E402

from models.generator.full import from_stable_diffusion  # noqa: E402
from models.generator.pipeline import HumanVideoPipeline, Sampling  # noqa: E402
from schemas.errors import WeightsError  # noqa: E402
from tests.models.generator.tiny_generators import (  # noqa: E402
    save_stable_diffusion,
    tiny_adapter,
    tiny_pocket,
    video,
)

FAST = Sampling(steps=2)
UNET_FILE = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def stable_diffusion(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sd15")
    save_stable_diffusion(folder)
    return folder


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    tiny_pocket().save_pretrained(folder)
    return folder


@pytest.fixture
def copied(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "copy")


def begun(folder, **settings) -> HumanVideoPipeline:
    return from_stable_diffusion(folder, image_encoder=folder / "clip", motion=folder / "motion", **settings)


def test_a_loaded_pocket_generator_makes_the_same_video(saved):
    loaded = HumanVideoPipeline.from_pretrained(saved)
    loaded.set_progress_bar_config(disable=True)
    assert torch.equal(loaded([video(1)], FAST)[0], tiny_pocket()([video(1)], FAST)[0])


def test_a_saved_network_holds_only_its_own_settings(saved):
    config = json.loads((saved / "unet" / "config.json").read_text())
    assert "condition_channels" in config and "in_channels" not in config and "encoder_hid_dim" not in config


def test_a_full_generator_begins_saves_and_loads(stable_diffusion, tmp_path):
    pipeline = begun(stable_diffusion)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.save_pretrained(tmp_path)
    loaded = HumanVideoPipeline.from_pretrained(tmp_path)
    loaded.set_progress_bar_config(disable=True)
    frames = pipeline([video(1, clips=1, size=64)], FAST)[0]
    assert frames.std() > 0.01
    assert torch.equal(loaded([video(1, clips=1, size=64)], FAST)[0], frames)


@torch.no_grad()
def test_stable_diffusion_begins_from_the_empty_prompt(stable_diffusion):
    unet = begun(stable_diffusion).unet
    ids = torch.tensor([[62] + [63] * 6])
    text = CLIPTextModel.from_pretrained(stable_diffusion / "text_encoder")(ids).last_hidden_state[0]
    torch.testing.assert_close(unet.global_tokens(torch.randn(1, 1, 32))[0], text)


@torch.no_grad()
def test_image_variations_begin_from_the_image_embedding(tmp_path):
    save_stable_diffusion(tmp_path, text=False)
    unet = from_stable_diffusion(tmp_path).unet
    embedding = torch.randn(2, 1, 32)
    assert torch.equal(unet.global_tokens(embedding), embedding)


def test_a_motion_block_in_the_middle_is_left_out(stable_diffusion, tmp_path):
    adapter = tiny_adapter(use_motion_mid_block=True)
    adapter.save_pretrained(tmp_path)
    unet = from_stable_diffusion(stable_diffusion, stable_diffusion / "clip", tmp_path).unet
    assert not hasattr(unet.mid_block, "motion_modules")
    theirs = adapter.down_blocks[0].motion_modules[0].proj_out.weight
    assert torch.equal(unet.down_blocks[0].motion_modules[0].proj_out.weight, theirs)


def test_a_residual_generator_does_not_keep_the_output_of_stable_diffusion(stable_diffusion):
    unet = begun(stable_diffusion, residual=True).unet
    assert not unet.conv_out.weight.any() and unet.conv_in.weight[:, :4].any()


def test_missing_keys_are_named(copied):
    weights = load_file(copied / UNET_FILE)
    del weights["conv_out.weight"]
    save_file(weights, copied / UNET_FILE)
    with pytest.raises(WeightsError, match=r"conv_out\.weight"):
        HumanVideoPipeline.from_pretrained(copied)


def test_wrong_shapes_are_named(copied):
    weights = load_file(copied / UNET_FILE)
    weights["conv_out.weight"] = weights["conv_out.weight"][:, :3].contiguous()
    save_file(weights, copied / UNET_FILE)
    with pytest.raises(WeightsError, match=r"conv_out\.weight"):
        HumanVideoPipeline.from_pretrained(copied)


def test_pickles_are_refused(copied):
    torch.save(load_file(copied / UNET_FILE), copied / "unet" / "diffusion_pytorch_model.bin")
    (copied / UNET_FILE).unlink()
    with pytest.raises(WeightsError, match="holds pickles"):
        HumanVideoPipeline.from_pretrained(copied)


def test_cut_off_weights_are_refused(copied):
    whole = (copied / UNET_FILE).read_bytes()
    (copied / UNET_FILE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="does not load"):
        HumanVideoPipeline.from_pretrained(copied)


def test_folders_without_a_model_are_refused(copied, tmp_path, stable_diffusion):
    with pytest.raises(WeightsError, match="no saved generator"):
        HumanVideoPipeline.from_pretrained(tmp_path / "nowhere")
    (copied / "vae" / "config.json").unlink()
    with pytest.raises(WeightsError, match=r"config\.json is missing"):
        HumanVideoPipeline.from_pretrained(copied)
    with pytest.raises(WeightsError, match="image_encoder holds no model"):
        from_stable_diffusion(stable_diffusion)


def test_clip_with_missing_keys_is_refused(stable_diffusion, tmp_path):
    clip = shutil.copytree(stable_diffusion / "clip", tmp_path / "clip")
    weights = load_file(clip / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, clip / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=r"visual_projection\.weight"):
        from_stable_diffusion(stable_diffusion, clip)


def test_a_motion_adapter_of_another_width_is_refused(stable_diffusion, tmp_path):
    tiny_adapter(block_out_channels=(32, 32, 64, 32)).save_pretrained(tmp_path)
    with pytest.raises(WeightsError, match="does not fit the U-Net"):
        from_stable_diffusion(stable_diffusion, stable_diffusion / "clip", tmp_path)


def test_a_component_of_an_unknown_class_is_refused(copied):
    index = json.loads((copied / "model_index.json").read_text())
    index["vae"] = ["os", "PathLike"]
    (copied / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(WeightsError, match="no component of class 'PathLike'"):
        HumanVideoPipeline.from_pretrained(copied)
