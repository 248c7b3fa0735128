"""Encoders, image encoder, autoencoders, guidance, noise and samplers."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the generator needs the torch extra")

from diffusers import AutoencoderKL  # noqa: E402

from models.generator.encoders import MotionEncoder  # noqa: E402
from models.generator.global_features import GlobalTokens, SmallImageEncoder, global_feature  # noqa: E402
from models.generator.guidance import Branch, Guidance  # noqa: E402
from models.generator.latents import decode, encode  # noqa: E402
from models.generator.noise import clip_noise  # noqa: E402
from models.generator.pixel_autoencoder import PixelAutoencoder  # noqa: E402
from models.generator.pocket import small_autoencoder  # noqa: E402
from models.generator.schedulers import sampler  # noqa: E402
from schemas.errors import ConfigError  # noqa: E402
from tests.models.generator.tiny_generators import fill_zeros  # noqa: E402


def test_a_motion_encoder_starts_silent_and_learns():
    encoder = MotionEncoder(24, (8, 8, 16))
    raster = torch.rand(2, 3, 3, 16, 24)
    silent = encoder(raster)
    assert silent.shape == (2, 3, 24, 4, 6)
    assert not silent.any()
    silent.sum().backward()
    assert encoder.conv_out.weight.grad.any()


def test_a_motion_encoder_takes_frames_one_by_one():
    encoder = MotionEncoder(8, (8, 8))
    fill_zeros(encoder)
    raster = torch.rand(2, 3, 3, 8, 8)
    torch.testing.assert_close(encoder(raster)[:, 1:2], encoder(raster[:, 1:2]))


def test_the_small_image_encoder_gives_tokens_that_depend_on_every_pixel_block():
    encoder = SmallImageEncoder(grid=2, widths=(8, 8, 12))
    picture = (torch.rand(1, 3, 64, 64) * 2 - 1).requires_grad_()
    tokens = global_feature(encoder, picture)
    assert tokens.shape == (1, 4, 12)
    tokens.square().sum().backward()
    assert picture.grad.unfold(2, 8, 8).unfold(3, 8, 8).abs().sum((1, 4, 5)).all()


def test_an_absent_reference_leaves_the_base_tokens():
    tokens = GlobalTokens(6, 8, tokens=3)
    assert torch.equal(tokens(torch.zeros(2, 1, 6)), tokens.base.expand(2, -1, -1))
    assert (tokens(torch.ones(2, 1, 6)) != tokens.base).any()


def test_pixels_come_back_exactly_through_the_stem():
    pixels = torch.rand(2, 3, 8, 12) * 2 - 1
    latents = encode(PixelAutoencoder(), pixels)
    assert latents.shape == (2, 12, 4, 6)
    assert torch.equal(decode(PixelAutoencoder(), latents), pixels)


@pytest.mark.parametrize("kind", ["tiny", "kl"])
def test_an_autoencoder_codes_a_picture_the_same_alone_and_among_others(kind):
    torch.manual_seed(0)
    levels = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
    kl = AutoencoderKL(**levels, block_out_channels=(8,) * 4, norm_num_groups=4, scaling_factor=0.18215)
    vae = small_autoencoder(width=8) if kind == "tiny" else kl
    pixels = torch.rand(10, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        latents = encode(vae, pixels)
        assert latents.shape == (10, 4, 2, 2)
        torch.testing.assert_close(encode(vae, pixels[9:]), latents[9:], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(decode(vae, latents[:1]), decode(vae, latents)[:1], rtol=1e-4, atol=1e-5)


def test_guidance_moves_away_from_what_each_branch_is_denied():
    guidance = Guidance(joint=2.0, figure=1.0, ground=3.0)
    assert guidance.branches == (Branch.NOTHING, Branch.EVERYTHING, Branch.POINTS)
    full, unconditional, no_points = torch.tensor([1.0, 0.5, 0.8])[:, None, None, None, None, None]
    guided = guidance.combine(torch.stack([full, unconditional, no_points]))
    assert guided.item() == pytest.approx(1.0 + 1 * 0.5 + 2 * 0.2)


def test_guidance_of_one_costs_a_single_prediction():
    assert Guidance().branches == (Branch.NOTHING,)


@pytest.mark.parametrize("strength", [-1.0, float("nan"), float("inf")])
def test_guidance_of_no_sensible_strength_is_refused(strength):
    with pytest.raises(ConfigError, match="from 0 up"):
        Guidance(joint=strength)


def test_noise_belongs_to_a_seed_and_a_clip():
    noise = clip_noise(5, 1, (2, 4, 8, 8))
    assert torch.equal(noise, clip_noise(5, 1, (2, 4, 8, 8)))
    others = [clip_noise(*key, (2, 4, 8, 8)) for key in ((5, 0), (1, 5), (6, 1))]
    assert all((noise - other).abs().mean() > 0.5 for other in others)


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("name", ["ddim", "dpmsolver++", "unipc"])
def test_a_sampler_led_by_the_truth_arrives_at_it(name, residual):
    scheduler = sampler(name, residual=residual)
    scheduler.set_timesteps(8)
    truth, sample = torch.rand(1, 2, 3, 4, 4), torch.randn(1, 2, 3, 4, 4)
    for timestep in scheduler.timesteps:
        alpha = scheduler.alphas_cumprod[timestep].sqrt()
        velocity = (alpha * sample - truth) / (1 - alpha**2).sqrt()
        sample = scheduler.step(truth if residual else velocity, timestep, sample, return_dict=False)[0]
    assert scheduler.timesteps[0] == 999
    torch.testing.assert_close(sample, truth, rtol=0, atol=2e-3)


def test_an_unknown_sampler_is_refused():
    with pytest.raises(ConfigError, match="ddim, dpmsolver"):
        sampler("euler", residual=False)
