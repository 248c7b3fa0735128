"""Long videos: batches, resumption, guidance, samplers, and inputs that cannot be used."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="the generator needs the torch extra")

from models.generator.conditions import BUILDERS, ClipInputs  # noqa: E402
from models.generator.guidance import Guidance  # noqa: E402
from models.generator.pipeline import HumanVideoPipeline, Sampling, VideoInputs  # noqa: E402
from models.generator.pocket import small_autoencoder  # noqa: E402
from models.generator.schedulers import sampler  # noqa: E402
from models.generator.state import ClipState  # noqa: E402
from schemas.errors import ConfigError, GenerationError  # noqa: E402
from tests.models.generator.tiny_generators import FRAMES, SIZE, clip, tiny_pocket, video  # noqa: E402

FAST = Sampling(steps=2)
GUIDED = Sampling(steps=2, guidance=Guidance(joint=2.0, figure=1.5, ground=1.5))


@pytest.fixture(scope="module")
def pipeline() -> HumanVideoPipeline:
    return tiny_pocket()


def close(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.shape == other.shape and bool((one - other).abs().max() < 1e-4)


def test_clips_join_without_repeating_the_frame_they_share(pipeline):
    frames = pipeline([video(1, clips=3)], FAST)[0]
    assert frames.shape == (3 * FRAMES - 2, 3, SIZE, SIZE)
    assert frames.min() >= 0 and frames.max() <= 1 and frames.std() > 0.1


def test_a_video_is_the_same_alone_and_in_a_batch(pipeline):
    videos = [video(1), video(2, clips=3), video(3, clips=1)]
    together = pipeline(videos, GUIDED)
    assert all(torch.equal(pipeline([each], GUIDED)[0], made) for each, made in zip(videos, together, strict=True))
    assert not close(together[0], together[1][: len(together[0])])


def test_clips_of_different_lengths_are_made_in_one_call(pipeline):
    short = replace(video(2), clips=[clip(7), clip(8, frames=3)])
    made = pipeline([video(1), short], FAST)
    assert [len(frames) for frames in made] == [2 * FRAMES - 1, FRAMES + 2]
    assert close(made[1], pipeline([short], FAST)[0])


def test_a_resumed_video_has_the_bytes_of_an_uninterrupted_one(pipeline, tmp_path):
    whole = list(pipeline.stream([video(1, clips=3)], GUIDED))
    next(pipeline.stream([video(1, clips=3)], GUIDED)).state.save(tmp_path / "state.safetensors")
    state = ClipState.load(tmp_path / "state.safetensors")
    rest = list(pipeline.stream([video(1, clips=3)], GUIDED, states=[state]))
    assert [result.clip for result in rest] == [1, 2]
    assert all(torch.equal(a.frames_T3HW, b.frames_T3HW) for a, b in zip(rest, whole[1:], strict=True))
    assert torch.equal(rest[-1].state.last_latent_Chw, whole[-1].state.last_latent_Chw)


def test_a_clip_starts_from_the_last_latent_of_the_one_before(pipeline):
    one, two = video(1), video(1)
    two = replace(two, clips=[clip(99), two.clips[1]])
    last = [list(pipeline.stream([each], FAST))[1].frames_T3HW for each in (one, two)]
    assert not close(*last)


def test_every_condition_reaches_the_frames(pipeline):
    plain = video(1, clips=1)
    given = plain.clips[0]
    changed = [
        replace(plain, reference_3HW=1 - plain.reference_3HW),
        replace(plain, seed=9),
        replace(plain, clips=[replace(given, pose_T3HW=1 - given.pose_T3HW)]),
        replace(plain, clips=[replace(given, points_T3HW=1 - given.points_T3HW)]),
        replace(plain, clips=[replace(given, pose_T3HW=None)]),
        replace(plain, clips=[replace(given, points_T3HW=None)]),
    ]
    frames, *others = pipeline([plain, *changed], FAST)
    assert all((frames - other).abs().mean() > 1e-4 for other in others)


@pytest.mark.parametrize("steps", [1, 3, 6, 7])
@pytest.mark.parametrize("name", ["ddim", "dpmsolver++", "unipc"])
def test_samples_end_without_noise_however_many_steps(name, steps):
    still = tiny_pocket(trained=False, residual=True)
    still.scheduler = sampler(name, residual=True)
    given = video(1, clips=1)
    frames = still([given], Sampling(steps))[0]
    assert close(frames, given.reference_3HW.expand_as(frames)), "a network without output predicts its condition"


@torch.no_grad()
def test_the_global_feature_stays_the_first_references_through_all_clips(pipeline):
    state = pipeline.begin(video(1))
    other = replace(state, global_feature_NE=state.global_feature_NE + 1)
    made = [pipeline.make_clip([s], [pipeline.cache(s)], [clip(1)], FAST) for s in (state, other)]
    assert not close(*made)
    after = state.after(made[0][0], {})
    assert after.global_feature_NE is state.global_feature_NE
    assert torch.equal(after.last_latent_Chw, made[0][0, -1])


def test_undriven_is_what_a_black_raster_is(pipeline):
    black = torch.zeros(FRAMES, 3, SIZE, SIZE)
    first = clip(5)
    free = [replace(video(1), clips=[first, replace(clip(6), points_T3HW=ground)]) for ground in (None, black)]
    assert close(*pipeline(free, FAST))


@pytest.mark.parametrize("strength", ["joint", "figure", "ground"])
def test_every_guidance_strength_moves_the_result(pipeline, strength):
    plain = pipeline([video(1, clips=1)], FAST)[0]
    guided = pipeline([video(1, clips=1)], Sampling(2, Guidance(**{strength: 3.0})))[0]
    assert not close(plain, guided)


@torch.no_grad()
def test_guidance_in_one_forward_equals_separate_forwards(pipeline):
    given, state = clip(1), pipeline.begin(video(1))
    cached = pipeline.cache(state)
    single = Sampling(steps=1)
    full = pipeline.make_clip([state], [cached], [given], single)
    without = pipeline.make_clip([state], [cached], [replace(given, pose_T3HW=None)], single)
    guided = pipeline.make_clip([state], [cached], [given], Sampling(1, Guidance(figure=2.5)))
    torch.testing.assert_close(guided, full + 1.5 * (full - without), rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["ddim", "dpmsolver++", "unipc"])
def test_every_sampler_makes_a_video(name):
    pipeline = tiny_pocket(residual=True)
    pipeline.scheduler = sampler(name, residual=True)
    frames = pipeline([video(1, clips=1)], Sampling(steps=4))[0]
    assert frames.isfinite().all() and frames.std() > 0.01


def test_an_untrained_residual_pipeline_repeats_its_reference():
    pipeline = tiny_pocket(trained=False, residual=True)
    plain = video(1)
    frames = pipeline([plain], FAST)[0]
    torch.testing.assert_close(frames, plain.reference_3HW.expand_as(frames), rtol=0, atol=1e-5)


def test_an_eight_times_autoencoder_takes_the_place_of_the_stem():
    torch.manual_seed(0)
    pipeline = tiny_pocket(autoencoder=small_autoencoder(width=8))
    assert pipeline.unet.size_multiple == 32
    assert pipeline([video(1, clips=1, size=64)], FAST)[0].shape == (FRAMES, 3, 64, 64)


def test_a_builder_remembers_what_was_decoded(monkeypatch, tmp_path):
    monkeypatch.setitem(BUILDERS, "through-pixels", "tests.models.generator.tiny_generators:ThroughPixels")
    pipeline = tiny_pocket(condition="through-pixels")
    assert pipeline.unet.config.condition_channels == pipeline.unet.config.latent_channels + 1
    results = list(pipeline.stream([video(1), video(2)], FAST))
    assert [(result.clip, result.video) for result in results] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    for result in results:
        torch.testing.assert_close(result.state.memory["frame"], result.frames_T3HW[-1] * 2 - 1, rtol=0, atol=1e-6)
    results[1].state.save(tmp_path / "state.safetensors")
    state = ClipState.load(tmp_path / "state.safetensors")
    resumed = next(pipeline.stream([video(2)], FAST, states=[state]))
    torch.testing.assert_close(resumed.frames_T3HW, results[3].frames_T3HW, rtol=0, atol=1e-5)


def test_slices_of_attention_change_nothing(pipeline):
    whole = pipeline([video(1)], FAST)[0]
    pipeline.enable_attention_slicing(5)
    sliced = pipeline([video(1)], FAST)[0]
    pipeline.disable_attention_slicing()
    assert close(sliced, whole)


def test_progress_is_reported_after_every_step_and_every_clip(pipeline):
    steps = []
    results = list(pipeline.stream([video(1)], FAST, on_step=lambda step, total, latents: steps.append((step, total))))
    assert steps == [(0, 2), (1, 2)] * 2
    assert [(result.clip, result.state.next_clip) for result in results] == [(0, 1), (1, 2)]


def test_slices_of_the_autoencoder_change_nothing():
    pipeline = tiny_pocket(autoencoder=small_autoencoder(width=8))
    seen: list[int] = []
    pipeline.vae.decoder.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    given = video(1, clips=1, size=64)
    whole = pipeline([given], FAST)[0]
    pipeline.enable_vae_slicing()
    sliced = pipeline([given], FAST)[0]
    pipeline.disable_vae_slicing()
    again = pipeline([given], FAST)[0]
    assert seen == [FRAMES, *[1] * FRAMES, FRAMES]
    assert close(sliced, whole) and close(again, whole)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_follows_float32(dtype, tmp_path):
    exact = tiny_pocket(residual=True)
    exact.save_pretrained(tmp_path)
    half = HumanVideoPipeline.from_pretrained(tmp_path, dtype)
    half.set_progress_bar_config(disable=True)
    assert half.unet.dtype == half.vae.dtype == half.image_encoder.dtype == dtype
    one, other = (each([video(1)], GUIDED)[0] for each in (exact, half))
    assert 1e-5 < (one - other).abs().mean() < 0.02


def test_a_compiled_network_is_one_graph_and_makes_the_same_video(pipeline):
    graphs = []
    compiled = tiny_pocket()
    torch.compiler.reset()
    compiled.compile_unet(backend=lambda graph, inputs: graphs.append(graph) or graph)
    assert close(compiled([video(1)], FAST)[0], pipeline([video(1)], FAST)[0])
    assert len(graphs) == 1


def refused(pipeline: HumanVideoPipeline, message: str, **changes: object) -> None:
    with pytest.raises(GenerationError, match=message):
        pipeline([replace(video(1), **changes)], FAST)


def test_references_that_cannot_be_used_are_refused(pipeline):
    refused(pipeline, "multiples of 8", reference_3HW=torch.rand(3, 20, SIZE))
    refused(pipeline, "NaN", reference_3HW=torch.full((3, SIZE, SIZE), float("nan")))
    refused(pipeline, "0..1", reference_3HW=torch.rand(3, SIZE, SIZE) * 255)
    refused(pipeline, r"\(3, height, width\)", reference_3HW=torch.rand(SIZE, SIZE, 3))


def test_clips_that_cannot_be_used_are_refused(pipeline):
    given, black = clip(1), torch.zeros(FRAMES, 3, SIZE, SIZE)
    refused(pipeline, "no clips", clips=[])
    refused(pipeline, "pose raster .* is empty", clips=[replace(given, pose_T3HW=black)])
    refused(pipeline, "points raster .* is empty", clips=[replace(given, points_T3HW=black)])
    refused(pipeline, "neither pose nor points", clips=[ClipInputs(None, None)])
    refused(pipeline, "reference's size", clips=[clip(1, size=24)])
    refused(pipeline, "reference's size", clips=[replace(given, points_T3HW=given.points_T3HW[:3])])
    refused(pipeline, "clips of 2 to 32", clips=[clip(1, frames=33)])
    refused(pipeline, "clips of 2 to 32", clips=[clip(1, frames=1)])
    refused(pipeline, "pose raster .* NaN", clips=[replace(given, pose_T3HW=black / 0)])


def test_numbers_that_blow_up_stop_the_video():
    pipeline = tiny_pocket()
    pipeline.unet.conv_out.bias.data.fill_(float("inf"))
    with pytest.raises(GenerationError, match="clip 0 of the video with seed 1 came out as NaN"):
        pipeline([video(1)], FAST)


def test_parts_that_do_not_fit_each_other_are_refused():
    fine = tiny_pocket()
    parts = (fine.unet, fine.vae, fine.image_encoder)
    with pytest.raises(ConfigError, match="does not fit a network"):
        HumanVideoPipeline(*parts, sampler("ddim", residual=True))
    fine.scheduler = sampler("unipc", residual=True)
    with pytest.raises(ConfigError, match="does not fit a network"):
        fine([video(1)], FAST)
    with pytest.raises(ConfigError, match="unknown condition"):
        HumanVideoPipeline(*parts, fine.scheduler, condition="guess")


def test_a_damaged_state_is_refused(tmp_path):
    path = tmp_path / "state.safetensors"
    path.write_bytes(b"not safetensors at all")
    with pytest.raises(GenerationError, match="no readable clip state"):
        ClipState.load(path)


def test_a_state_that_another_model_left_is_refused(pipeline):
    state = pipeline.begin(video(1))
    other = replace(state, last_latent_Chw=state.last_latent_Chw[:4])
    with pytest.raises(GenerationError, match="left by another model"):
        list(pipeline.stream([video(1)], FAST, states=[other]))


def test_a_state_keeps_the_builders_memory(pipeline, tmp_path):
    state = replace(pipeline.begin(VideoInputs(torch.rand(3, SIZE, SIZE), 3, [clip(1)])), memory={"a": torch.ones(2)})
    state.save(tmp_path / "state.safetensors")
    loaded = ClipState.load(tmp_path / "state.safetensors")
    assert loaded.seed == 3 and torch.equal(loaded.memory["a"], torch.ones(2))
    assert list(tmp_path.iterdir()) == [tmp_path / "state.safetensors"]
