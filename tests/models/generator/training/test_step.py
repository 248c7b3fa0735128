"""Draws, conditions as training disturbs them, losses, and where gradients go."""

from __future__ import annotations

from dataclasses import replace
from math import log

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from models.generator.light import leave_out_motion  # noqa: E402
from models.generator.pocket import pocket  # noqa: E402
from models.generator.schedulers import sampler  # noqa: E402
from models.generator.training.draws import draw, step_generator  # noqa: E402
from models.generator.training.losses import (  # noqa: E402
    REGIONS,
    Regions,
    blur,
    denoised,
    region_errors,
    snr_weights,
    weighed,
)
from models.generator.training.trainee import Trainee, conditions, latents_of  # noqa: E402
from schemas.training import DisturbanceConfig, LossConfig  # noqa: E402
from tests.models.generator.tiny_generators import fill_zeros  # noqa: E402
from tests.models.generator.training.squares import config, objective, squares, tiny  # noqa: E402

CPU = torch.device("cpu")
SHAPE = (4, 3, 12, 8, 8)


def drawn(**settings):
    chosen = {"drop_pose": 0.0, "drop_points": 0.0, "drop_reference": 0.0, "drop_condition": 0.0, **settings}
    return draw(step_generator(0, 0), SHAPE, 1000, DisturbanceConfig(**chosen), CPU)


def test_a_step_draws_the_same_whenever_it_is_run_and_other_steps_and_processes_others():
    draws = [
        draw(step_generator(5, *place), SHAPE, 1000, DisturbanceConfig(), CPU) for place in ((7,), (7,), (8,), (7, 1))
    ]
    assert torch.equal(draws[0].noise_BTChw, draws[1].noise_BTChw)
    assert torch.equal(draws[0].timestep_B, draws[1].timestep_B)
    assert not torch.equal(draws[0].noise_BTChw, draws[2].noise_BTChw)
    assert not torch.equal(draws[0].noise_BTChw, draws[3].noise_BTChw)


def test_timesteps_cover_the_range_and_as_many_as_wished_are_pure_noise():
    generator = step_generator(0, 0)
    even = draw(generator, (4000, 1, 1, 1, 1), 1000, DisturbanceConfig(pure_noise=0), CPU).timestep_B.float()
    late = draw(generator, (4000, 1, 1, 1, 1), 1000, DisturbanceConfig(pure_noise=0.3), CPU).timestep_B
    assert even.min() < 10 and even.max() > 989 and 480 < even.mean() < 520
    assert 0.27 < (late == 999).float().mean() < 0.33


def test_what_is_dropped_is_black_or_zero_and_nothing_else_changes():
    pipeline = pocket("warped-last12", residual=True, widths=(8, 16, 16))
    clip, last = squares(0)
    clip = replace(clip, points_BT3HW=clip.pose_BT3HW.flip(1))
    whole = conditions("warped-last12", pipeline.vae, clip, last, drawn(condition_noise=0))
    for name, place in (("drop_pose", 1), ("drop_points", 2), ("drop_condition", 0)):
        given = conditions("warped-last12", pipeline.vae, clip, last, drawn(condition_noise=0, **{name: 1.0}))
        for index, (dropped, kept) in enumerate(zip(given, whole, strict=True)):
            assert torch.equal(dropped, torch.zeros_like(kept) if index == place else kept)
    assert not drawn(drop_reference=1.0).reference_kept_B.any()


def kept_and_dropped(name, noise):
    """Conditions of squares whose warp is right, whole and with one thing dropped; and their last frames."""
    pipeline = pocket("warped-last12", residual=True, widths=(8, 16, 16))
    clip, last = squares(0)
    clip = replace(clip, warped_BT3HW=clip.frames_BT3HW)
    given = [
        conditions("warped-last12", pipeline.vae, clip, last, drawn(condition_noise=noise, **{name: share}))
        for share in (0.0, 1.0)
    ]
    assert all(torch.equal(a, b) for a, b in zip(given[0][1:], given[1][1:], strict=True))
    return given[0][0], given[1][0], latents_of(pipeline.vae, last[:, None]).expand(-1, 3, -1, -1, -1)


def test_a_withheld_warp_leaves_the_last_frame_of_which_nothing_counts_as_known():
    whole, withheld, last = kept_and_dropped("drop_warp", 0.0)
    assert whole[:, :, 12:14].any() and not torch.equal(whole[:, :, :12], last)
    assert torch.equal(withheld[:, :, :12], last) and torch.equal(withheld[:, :, 14:], last)
    assert not withheld[:, :, 12:14].any()


def test_a_last_frame_that_is_left_out_is_the_first_warped_one_and_the_rest_stays():
    whole, without, _ = kept_and_dropped("drop_last", 0.5)
    assert torch.equal(without[:, :, :14], whole[:, :, :14])
    assert torch.equal(without[:, :, 14:], whole[:, :1, :12].expand_as(whole[:, :, 14:]))
    assert not torch.equal(without[:, :, 14:], whole[:, :, 14:])


def test_noise_on_the_condition_leaves_half_the_clips_and_all_masks_alone():
    clip, last = squares(0, batch=64)
    pipeline = pocket("warped-last12", residual=True, widths=(8, 16, 16))
    quiet, noisy = (
        conditions("warped-last12", pipeline.vae, clip, last, draw(step_generator(0, 0), (64, 3, 12, 8, 8), 1000,
                   DisturbanceConfig(0, 0, 0, 0, condition_noise=noise), CPU))[0]
        for noise in (0.0, 0.5)
    )  # fmt: skip
    difference = (noisy - quiet).abs()
    assert not difference[:, :, 12:14].any()
    touched = difference[:, :, :12].flatten(1).amax(1) > 0
    assert 16 < touched.sum() < 48
    assert torch.equal(touched, difference[:, :, 14:].flatten(1).amax(1) > 0)


def test_predicting_the_condition_itself_costs_one_in_every_region_that_is_there():
    clip, _ = squares(0)
    regions = Regions.of(clip, (8, 8))
    base = torch.randn(SHAPE)
    errors = region_errors(base, base, regions, floor=1e-9)
    torch.testing.assert_close(errors["figure"], torch.ones(4, 3))
    torch.testing.assert_close(errors["known"], torch.ones(4, 3))
    assert not errors["fresh"].any()
    half = region_errors(base / 2**0.5, base, regions, floor=1e-9)
    assert weighed(half, torch.ones(4), LossConfig(fresh=0)).item() == pytest.approx(0.5, rel=1e-4)


def test_regions_share_out_the_picture():
    clip, _ = squares(0)
    valid = torch.rand(clip.valid_BT1HW.shape)
    regions = Regions.of(replace(clip, valid_BT1HW=valid), (8, 8))
    assert {name: getattr(regions, name).any() for name in REGIONS} == dict.fromkeys(REGIONS, True)
    torch.testing.assert_close(regions.figure + regions.known + regions.fresh, torch.ones(4, 3, 1, 8, 8))


def test_weights_go_with_the_signal_to_noise_ratio_up_to_the_cap():
    scheduler = sampler("ddim", residual=False)
    alphas = scheduler.alphas_cumprod
    timestep = torch.tensor([0, 300, 600, 999])
    ratio = alphas[timestep] / (1 - alphas[timestep])
    v = snr_weights(timestep, alphas, 5.0, residual=False)
    torch.testing.assert_close(v[:3], ratio[:3].clamp_max(5) / (ratio[:3] + 1))
    assert v[3] == 1
    x0 = snr_weights(timestep, alphas, 5.0, residual=True)
    torch.testing.assert_close(x0, ratio.clamp(1, 5))


def test_before_training_a_residual_network_loses_exactly_what_its_condition_does():
    pipeline = tiny()
    losses = objective(pipeline).losses(Trainee(pipeline), *squares(0), step_generator(0, 0))
    assert losses.errors["figure"].mean().item() == pytest.approx(1, abs=0.02)


def test_velocity_is_learnt_where_the_network_is_not_residual():
    pipeline = pocket("repeat", residual=False, widths=(8, 16, 16))
    settings = replace(config(), model=replace(config().model, residual=False))
    clip, last = squares(0)
    with torch.no_grad():
        pipeline.unet.conv_out.weight.zero_()
        pipeline.unet.conv_out.bias.zero_()
    aim = objective(pipeline, settings)
    last_step = replace(settings.disturb, pure_noise=1.0)
    aim = replace(aim, config=replace(settings, disturb=last_step))
    errors = aim.losses(Trainee(pipeline), clip, last, step_generator(0, 0)).errors["known"]
    # At pure noise v is -x0: predicting nothing is off by the latents, which here are near the condition's zero.
    assert errors.isfinite().all()
    latents = latents_of(pipeline.vae, clip.frames_BT3HW)
    v = pipeline.scheduler.get_velocity(latents, torch.randn(latents.shape), torch.full((4,), 999))
    torch.testing.assert_close(v, -latents)


def test_blur_is_nothing_for_a_video_as_sharp_and_grows_both_ways():
    sharp = torch.rand(2, 3, 3, 16, 16)
    assert not blur(sharp, sharp).any()
    soft, grainy = 0.5 + (sharp - 0.5) / 2, 0.5 + (sharp - 0.5) * 2
    torch.testing.assert_close(blur(soft, sharp), torch.full((2,), log(4) ** 2))
    torch.testing.assert_close(blur(grainy, sharp), torch.full((2,), log(4) ** 2))
    assert blur(torch.zeros_like(sharp), sharp).isfinite().all()


def test_a_picture_comes_back_out_of_its_noise_and_velocity():
    scheduler = sampler("ddim", residual=False)
    latents, noise, timestep = torch.randn(SHAPE), torch.randn(SHAPE), torch.tensor([0, 300, 600, 999])
    noisy, v = (way(latents, noise, timestep) for way in (scheduler.add_noise, scheduler.get_velocity))
    torch.testing.assert_close(denoised(noisy, v, scheduler.alphas_cumprod[timestep]), latents)


@pytest.mark.parametrize("residual", [True, False])
def test_sharpness_is_learnt_where_it_has_a_weight(residual):
    pipeline = pocket("repeat", residual=residual, widths=(8, 16, 16))
    fill_zeros(pipeline.unet)
    settings = replace(config(), model=replace(config().model, residual=residual))
    plain, sharp = (
        objective(pipeline, replace(settings, loss=LossConfig(sharpness=weight)))
        .losses(Trainee(pipeline), *squares(0), step_generator(0, 0))
        .loss
        for weight in (0.0, 2.0)
    )
    assert sharp > plain
    (sharp - plain).backward()
    assert pipeline.unet.conv_out.weight.grad.any()


def test_gradients_reach_every_weight_that_learns():
    pipeline = tiny()
    fill_zeros(pipeline.unet)
    clip, last = squares(0)
    clip = replace(clip, points_BT3HW=clip.pose_BT3HW)
    trainee = Trainee(pipeline)
    objective(pipeline).losses(trainee, clip, last, step_generator(0, 0)).loss.backward()
    silent = [
        name for name, parameter in trainee.named_parameters() if parameter.grad is None or not parameter.grad.any()
    ]
    assert silent == []


def test_single_frames_train_all_but_the_motion_blocks():
    pipeline = tiny()
    fill_zeros(pipeline.unet)
    leave_out_motion(pipeline.unet)
    clip, last = squares(0)
    single = clip.single_frames(torch.tensor([[0], [2], [1], [1]]))
    assert torch.equal(single.frames_BT3HW[1, 0], clip.frames_BT3HW[1, 2])
    trainee = Trainee(pipeline)
    objective(pipeline).losses(trainee, single, last, step_generator(0, 0)).loss.backward()
    without = [name for name, parameter in trainee.named_parameters() if parameter.grad is None]
    assert without and all(".motion_modules." in name for name in without)


def test_clips_in_bytes_come_back_within_half_a_step():
    clip, _ = squares(0)
    back = clip.as_bytes().as_floats()
    for name, tensor in clip.tensors().items():
        assert (back.tensors()[name] - tensor).abs().max() <= 0.5 / 255 + 1e-6
