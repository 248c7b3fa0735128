"""The U-Net: shapes, gradients, zero initialisation and the two halves of its first convolution."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the generator needs the torch extra")

from diffusers import MotionAdapter, UNet2DConditionModel, UNetMotionModel  # noqa: E402

from models.generator.features import ClipConditions  # noqa: E402
from models.generator.full import unet_from_sd  # noqa: E402
from models.generator.light import NoMotion  # noqa: E402
from models.generator.unet import HumanVideoUNet  # noqa: E402
from schemas.errors import WeightsError  # noqa: E402
from tests.models.generator.tiny_generators import fill_zeros, tiny_adapter, tiny_pocket, tiny_unet2d  # noqa: E402


@pytest.fixture(scope="module")
def unet() -> HumanVideoUNet:
    return tiny_pocket().unet


def conditions(unet: HumanVideoUNet, batch: int = 2, frames: int = 3) -> ClipConditions:
    torch.manual_seed(2)
    factor = 2 ** (len(unet.config.encoder_widths) - 1)
    latent = torch.randn(batch, frames, unet.config.condition_channels, 8, 8)
    return ClipConditions(latent, *(torch.rand(batch, frames, 3, 8 * factor, 8 * factor) for _ in range(2)))


def inputs(unet: HumanVideoUNet, batch: int = 2, frames: int = 3) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(3)
    feature = torch.randn(batch, unet.config.feature_tokens, unet.config.feature_width)
    return torch.randn(batch, frames, unet.config.latent_channels, 8, 8), torch.tensor(500), feature


def test_every_weight_takes_part_in_the_prediction(unet):
    output = unet(*inputs(unet), conditions(unet))
    output.square().mean().backward()
    unused = [name for name, weight in unet.named_parameters() if weight.grad is None or not weight.grad.any()]
    unet.zero_grad()
    assert unused == []


def test_every_input_reaches_the_prediction(unet):
    noisy, timestep, feature = inputs(unet)
    given = [each.clone().requires_grad_() for each in (noisy, feature, *conditions(unet))]
    unet(given[0], timestep, given[1], ClipConditions(*given[2:])).square().sum().backward()
    assert all(each.grad.flatten(1).any(1).all() for each in given)


def test_prediction_has_the_shape_of_the_latents_for_one_frame_and_many(unet):
    for frames in (1, 2, 5):
        sample, timestep, feature = inputs(unet, frames=frames)
        assert unet(sample, timestep, feature, conditions(unet, frames=frames)).shape == sample.shape


@torch.no_grad()
def test_frames_see_each_other_only_through_motion_blocks(unet):
    sample, timestep, feature = inputs(unet, batch=1)
    clip = conditions(unet, batch=1)
    changed = sample.clone()
    changed[:, 2] += 1
    moved = (unet(changed, timestep, feature, clip) - unet(sample, timestep, feature, clip))[:, 0].abs().max()
    assert moved > 1e-4
    still = tiny_pocket(trained=False).unet
    torch.nn.init.normal_(still.conv_out.weight)
    alone = (still(changed, timestep, feature, clip) - still(sample, timestep, feature, clip))[:, 0].abs().max()
    assert alone == 0


@torch.no_grad()
def test_cached_features_and_keys_give_the_uncached_prediction(unet):
    sample, timestep, feature = inputs(unet)
    clip = conditions(unet)
    cached = unet(sample, timestep, unet.video_keys_values(feature), unet.clip_feature(clip))
    torch.testing.assert_close(cached, unet(sample, timestep, feature, clip), rtol=0, atol=1e-6)


@torch.no_grad()
def test_attention_in_slices_gives_the_same_prediction(unet):
    sample, timestep, feature = inputs(unet)
    clip = conditions(unet)
    whole = unet(sample, timestep, feature, clip)
    unet.set_attention_slice(7)
    sliced = unet(sample, timestep, feature, clip)
    unet.set_attention_slice(None)
    torch.testing.assert_close(sliced, whole, rtol=0, atol=1e-6)


def test_gradient_checkpointing_gives_the_same_gradients(unet):
    def gradient() -> torch.Tensor:
        unet.zero_grad()
        unet(*inputs(unet), conditions(unet)).square().mean().backward()
        return unet.foreground_encoder.conv_in.weight.grad.clone()

    unet.train()
    plain = gradient()
    unet.enable_gradient_checkpointing()
    again = gradient()
    unet.disable_gradient_checkpointing()
    unet.eval()
    unet.zero_grad()
    torch.testing.assert_close(again, plain, rtol=1e-4, atol=1e-8)


@torch.no_grad()
def test_untrained_conditions_change_nothing_in_stable_diffusion_with_motion():
    torch.manual_seed(4)
    unet2d, adapter = tiny_unet2d().eval(), tiny_adapter().eval()
    plain = UNetMotionModel.from_unet2d(unet2d, adapter).eval()
    tokens = torch.randn(7, 32)
    ours = unet_from_sd(unet2d, adapter, tokens, feature_width=24, extra_channels=2)
    sample, timestep, feature = inputs(ours)
    expected = plain(sample.transpose(1, 2), timestep, tokens.expand(6, -1, -1)).sample.transpose(1, 2)
    torch.testing.assert_close(ours(sample, timestep, feature, conditions(ours)), expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_without_motion_weights_every_frame_is_stable_diffusions():
    torch.manual_seed(4)
    unet2d, tokens = tiny_unet2d().eval(), torch.randn(7, 32)
    ours = unet_from_sd(unet2d, None, tokens, feature_width=24)
    sample, timestep, feature = inputs(ours)
    expected = unet2d(sample.flatten(0, 1), timestep, tokens.expand(6, -1, -1)).sample.unflatten(0, (2, 3))
    torch.testing.assert_close(ours(sample, timestep, feature, conditions(ours)), expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_an_untrained_residual_network_predicts_its_condition():
    unet = tiny_pocket(trained=False, residual=True).unet
    clip = conditions(unet)
    assert torch.equal(unet(*inputs(unet), clip), clip.condition_BTKhw[:, :, : unet.config.latent_channels])


def levels(unet: HumanVideoUNet) -> list[torch.nn.Module]:
    return [*unet.down_blocks, unet.mid_block, *unet.up_blocks]


def order_of_layers(unet: HumanVideoUNet, block: torch.nn.Module) -> list[str]:
    """Kinds of the layers of a level as they run; motion blocks that were left out are not told."""
    ran: list[str] = []
    hooks = [
        layer.register_forward_hook(lambda *_, kind=kind: ran.append(kind))
        for kind in ("resnets", "attentions", "motion_modules", "downsamplers", "upsamplers")
        for layer in getattr(block, kind, None) or ()
        if not isinstance(layer, NoMotion)
    ]
    unet(*inputs(unet, batch=1), conditions(unet, batch=1))
    for hook in hooks:
        hook.remove()
    return ran


def tiny_full() -> HumanVideoUNet:
    """Stable Diffusion's layout with weights in what begins at zero."""
    torch.manual_seed(0)
    widths = {"block_out_channels": (32, 32, 64, 64), "encoder_widths": (8, 8, 8, 8), "cross_attention_dim": 32}
    heads = {"num_attention_heads": 4, "motion_num_attention_heads": 4, "norm_num_groups": 16}
    unet = HumanVideoUNet(**widths, **heads, feature_width=24, feature_tokens=7)
    fill_zeros(unet)
    return unet


@torch.no_grad()
def test_a_motion_block_follows_every_layer_of_every_down_and_up_level_but_none_the_middle():
    unet = tiny_full()
    plain, attending = ["resnets", "motion_modules"], ["resnets", "attentions", "motion_modules"]
    down = [[*attending * 2, "downsamplers"]] * 3 + [plain * 2]
    up = [[*plain * 3, "upsamplers"], *[[*attending * 3, "upsamplers"]] * 2, attending * 3]
    assert [order_of_layers(unet, level) for level in levels(unet)] == [
        *down,
        ["resnets", "attentions", "resnets"],
        *up,
    ]


@torch.no_grad()
def test_in_the_light_network_one_follows_every_level_but_that_of_the_latents(unet):
    found = [order_of_layers(unet, level) for level in levels(unet)]
    assert found == [
        ["resnets", "downsamplers"],
        ["resnets", "motion_modules", "downsamplers"],
        ["resnets", "motion_modules"],
        ["resnets", "attentions", "resnets"],
        ["resnets", "resnets", "motion_modules", "upsamplers"],
        ["resnets", "resnets", "motion_modules", "upsamplers"],
        ["resnets", "resnets"],
    ]


@pytest.mark.parametrize("make, mixing", [(tiny_full, "1111 0 1111"), (lambda: tiny_pocket().unet, "011 0 110")])
@torch.no_grad()
def test_frames_of_a_level_see_each_other_where_a_motion_block_follows_it(make, mixing):
    unet, ran = make(), []
    hooks = [
        level.register_forward_hook(lambda *call: ran.append(call), with_kwargs=True)  # level, inputs, named, output
        for level in levels(unet)
    ]
    unet(*inputs(unet, batch=1), conditions(unet, batch=1))
    for hook in hooks:
        hook.remove()
    found = []
    for level, given, named, made in ran:
        hidden = named["hidden_states"] if "hidden_states" in named else given[0]
        changed = torch.cat([hidden[:2], torch.randn_like(hidden[2:])])
        again = level(changed, *given[1:], **{k: v for k, v in named.items() if k != "hidden_states"})
        before, after = (each[0] if isinstance(each, tuple) else each for each in (made, again))
        found.append(not torch.allclose(before[:2], after[:2], atol=1e-5))
        assert not torch.allclose(before[2], after[2], atol=1e-2)
    assert found == [each == "1" for each in mixing.replace(" ", "")]


@torch.no_grad()
def test_stable_diffusion_1_5_and_animatediff_fit_at_their_published_sizes():
    with torch.device("meta"):
        unet2d = UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8, sample_size=64)
        unet = unet_from_sd(unet2d, MotionAdapter(use_motion_mid_block=False), torch.empty(77, 768), 768)
        clip = ClipConditions(torch.empty(1, 2, 4, 64, 64), *(torch.empty(1, 2, 3, 512, 512) for _ in range(2)))
        output = unet(torch.empty(1, 2, 4, 64, 64), torch.tensor(0), torch.empty(1, 1, 768), clip)
    assert output.shape == (1, 2, 4, 64, 64)
    assert unet.global_tokens.base.shape == (77, 768)


def test_a_network_of_another_kind_is_refused():
    unet2d = UNet2DConditionModel(
        block_out_channels=(16, 16, 32, 32), cross_attention_dim=16, norm_num_groups=8, time_cond_proj_dim=8
    )
    with pytest.raises(WeightsError, match="cond_proj"):
        unet_from_sd(unet2d, None, torch.zeros(7, 16), 8)


@torch.no_grad()
def test_the_full_network_has_the_published_sizes():
    with torch.device("meta"):
        unet = HumanVideoUNet()
        clip = ClipConditions(torch.empty(1, 16, 4, 64, 64), *(torch.empty(1, 16, 3, 512, 512) for _ in range(2)))
        output = unet(torch.empty(1, 16, 4, 64, 64), torch.tensor(0), torch.empty(1, 1, 768), clip)
        feature = unet.clip_feature(clip).feature_BTDhw

    def millions(part: str) -> int:
        return round(sum(weight.numel() for name, weight in unet.named_parameters() if part in name) / 1e6)

    assert output.shape == (1, 16, 4, 64, 64)
    assert feature.shape == (1, 16, 320, 64, 64)
    assert tuple(unet.conv_in.weight.shape) == (320, 8, 3, 3)
    assert (millions("foreground_encoder"), millions("motion_modules")) == (1, 417)
    assert millions("") - millions("motion_modules") - millions("encoder") in range(859, 862)
