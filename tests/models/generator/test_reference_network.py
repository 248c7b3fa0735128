"""The reference network: off it is not there, untrained it says nothing, and it runs once per video."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="the generator needs the torch extra")

from diffusers import UNet2DConditionModel  # noqa: E402

from models.generator.clip_caches import VideoCache, branch_keys_values  # noqa: E402
from models.generator.full import from_stable_diffusion, unet_from_sd  # noqa: E402
from models.generator.guidance import Branch, Guidance  # noqa: E402
from models.generator.pipeline import HumanVideoPipeline, Sampling  # noqa: E402
from models.generator.reference_network import ReferenceNetwork  # noqa: E402
from models.generator.state import ClipState  # noqa: E402
from models.generator.training.draws import step_generator  # noqa: E402
from models.generator.training.sampling import noise_for, sample_clip  # noqa: E402
from models.generator.training.trainee import Trainee  # noqa: E402
from models.generator.unet import HumanVideoUNet  # noqa: E402
from schemas.errors import GenerationError  # noqa: E402
from tests.models.generator.test_unet import conditions, inputs  # noqa: E402
from tests.models.generator.tiny_generators import (  # noqa: E402
    clip,
    fill_zeros,
    save_stable_diffusion,
    tiny_adapter,
    tiny_pocket,
    tiny_unet2d,
    video,
)
from tests.models.generator.training.squares import config, objective, squares  # noqa: E402

GUIDED = Sampling(steps=2, guidance=Guidance(joint=2.0, figure=1.5))


def tiny_full(trained: bool = True, **settings) -> HumanVideoUNet:
    torch.manual_seed(4)
    unet2d, adapter, tokens = tiny_unet2d().eval(), tiny_adapter().eval(), torch.randn(7, 32)
    unet = unet_from_sd(unet2d, adapter, tokens, feature_width=24, **settings)
    if trained:
        fill_zeros(unet)
    return unet


KINDS = {"pocket": lambda **settings: tiny_pocket(**settings).unet, "full": tiny_full}


@pytest.fixture(scope="module", params=KINDS)
def unet(request) -> HumanVideoUNet:
    return KINDS[request.param](reference_network=True)


@pytest.fixture(scope="module")
def pipeline() -> HumanVideoPipeline:
    return tiny_pocket(reference_network=True)


def latents(unet: HumanVideoUNet, batch: int = 2) -> torch.Tensor:
    return torch.randn(batch, unet.config.latent_channels, 8, 8, generator=torch.Generator().manual_seed(6))


def reference_weights(unet: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    return {name: weight for name, weight in unet.named_parameters() if "reference_unet." in name}


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_untrained_it_changes_nothing_at_all(kind):
    plain, ours = (KINDS[kind](trained=False, reference_network=on) for on in (False, True))
    fill_zeros(plain)
    ours.load_state_dict(plain.state_dict() | reference_weights(ours))
    clips, given = conditions(plain), inputs(plain)
    assert torch.equal(ours(*given, clips, latents(ours)), plain(*given, clips))
    assert reference_weights(ours) and not reference_weights(plain)


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_the_other_weights_begin_as_they_would_without_it(kind):
    plain, ours = (KINDS[kind](trained=False, reference_network=on).state_dict() for on in (False, True))
    assert all(torch.equal(ours[name], weight) for name, weight in plain.items())


def test_every_weight_of_it_takes_part_and_the_reference_reaches_the_prediction(unet):
    latent = latents(unet).requires_grad_()
    unet(*inputs(unet), conditions(unet), latent).square().mean().backward()
    unused = [name for name, weight in unet.named_parameters() if weight.grad is None or not weight.grad.any()]
    unet.zero_grad()
    assert unused == []
    assert latent.grad.flatten(1).any(1).all()


def test_what_says_nothing_yet_learns_from_the_first_step():
    unet = tiny_full(trained=False, reference_network=True)
    unet(*inputs(unet), conditions(unet), latents(unet)).square().mean().backward()
    assert all(weight.grad.any() for weight in unet.reference_unet.values.parameters())


def test_gradient_checkpointing_gives_the_same_gradients(unet):
    def gradient() -> torch.Tensor:
        unet.zero_grad()
        unet(*inputs(unet), conditions(unet), latents(unet)).square().mean().backward()
        return unet.reference_unet.conv_in.weight.grad.clone()

    unet.train()
    plain = gradient()
    unet.enable_gradient_checkpointing()
    again = gradient()
    unet.disable_gradient_checkpointing()
    unet.eval()
    unet.zero_grad()
    torch.testing.assert_close(again, plain, rtol=1e-4, atol=1e-8)


@torch.no_grad()
def test_every_place_shows_the_reference(unet):
    clips, given = conditions(unet), inputs(unet)
    shown = unet(*given, clips, latents(unet))
    for project in unet.reference_unet.values:
        kept = project.weight.clone()
        project.weight.zero_()
        assert (unet(*given, clips, latents(unet)) - shown).abs().max() > 1e-6
        project.weight.copy_(kept)
    places = unet.reference_unet.places
    assert len(places) == (16 if unet.config.layers_per_block == 2 else 4)


@torch.no_grad()
def test_cached_keys_and_values_give_the_uncached_prediction(unet):
    sample, timestep, feature = inputs(unet)
    clips = conditions(unet)
    cached = unet(sample, timestep, unet.video_keys_values(feature, latents(unet)), unet.clip_feature(clips))
    torch.testing.assert_close(cached, unet(sample, timestep, feature, clips, latents(unet)), rtol=0, atol=1e-6)


@torch.no_grad()
def test_attention_in_slices_gives_the_same_prediction(unet):
    given, clips = inputs(unet), conditions(unet)
    whole = unet(*given, clips, latents(unet))
    unet.set_attention_slice(1)
    sliced = unet(*given, clips, latents(unet))
    unet.set_attention_slice(None)
    torch.testing.assert_close(sliced, whole, rtol=0, atol=1e-5)


@torch.no_grad()
def test_where_the_reference_is_dropped_its_latent_is_not_looked_at(unet):
    sample, timestep, feature = inputs(unet)
    feature[0] = 0
    clips, latent = conditions(unet), latents(unet)
    one, other = (unet(sample, timestep, feature, clips, each) for each in (latent, latent + 1))
    assert torch.equal(one[0], other[0])
    assert (one[1] - other[1]).abs().max() > 1e-4


def test_a_reference_without_its_latent_is_refused(unet):
    with pytest.raises(GenerationError, match="latent of the reference"):
        unet(*inputs(unet), conditions(unet))


def test_it_runs_once_per_video_however_many_clips_steps_and_branches(pipeline, monkeypatch):
    ran = []
    inner = ReferenceNetwork.forward
    monkeypatch.setattr(ReferenceNetwork, "forward", lambda self, *given: ran.append(1) or inner(self, *given))
    pipeline([video(1, clips=3), video(2)], GUIDED)
    assert len(ran) == 2


def test_a_video_is_the_same_alone_and_in_a_batch(pipeline):
    videos = [video(1), video(2)]
    together = pipeline(videos, GUIDED)
    assert all(torch.equal(pipeline([each], GUIDED)[0], made) for each, made in zip(videos, together, strict=True))


@torch.no_grad()
def test_guidance_away_from_everything_has_no_reference_and_other_branches_have_their_own(pipeline):
    states = [pipeline.begin(video(seed)) for seed in (1, 2)]
    caches = [VideoCache.of(pipeline.unet, state) for state in states]
    pairs = branch_keys_values(caches, (Branch.NOTHING, Branch.EVERYTHING))
    feature = torch.stack([state.global_feature_NE for state in states])
    latent = torch.stack([state.reference_latent_Chw for state in states])
    rows = torch.cat([feature, torch.zeros_like(feature)]), torch.cat([latent, latent])
    expected = pipeline.unet.video_keys_values(*rows)
    for (key, value), (expected_key, expected_value) in zip(pairs[2:], expected[2:], strict=True):
        torch.testing.assert_close(key[:2], expected_key[:2], rtol=0, atol=1e-5)
        torch.testing.assert_close(value, expected_value, rtol=0, atol=1e-5)
        assert value[:2].any() and not value[2:].any()


def test_a_resumed_video_has_the_bytes_of_an_uninterrupted_one(pipeline, tmp_path):
    whole = list(pipeline.stream([video(1, clips=3)], GUIDED))
    whole[0].state.save(tmp_path / "state.safetensors")
    state = ClipState.load(tmp_path / "state.safetensors")
    rest = list(pipeline.stream([video(1, clips=3)], GUIDED, states=[state]))
    assert all(torch.equal(a.frames_T3HW, b.frames_T3HW) for a, b in zip(rest, whole[1:], strict=True))


@torch.no_grad()
def test_the_latent_of_the_first_reference_is_shown_in_every_clip(pipeline):
    state = pipeline.begin(video(1))
    later = state.after(state.last_latent_Chw[None] + 1, {})
    other = replace(later, reference_latent_Chw=later.reference_latent_Chw + 1)
    made = [pipeline.make_clip([s], [pipeline.cache(s)], [clip(1)], GUIDED) for s in (later, other)]
    assert (made[0] - made[1]).abs().max() > 1e-4


def test_a_saved_one_makes_the_same_video(pipeline, tmp_path):
    pipeline.save_pretrained(tmp_path)
    loaded = HumanVideoPipeline.from_pretrained(tmp_path)
    loaded.set_progress_bar_config(disable=True)
    assert torch.equal(loaded([video(1)], GUIDED)[0], pipeline([video(1)], GUIDED)[0])


def test_a_model_saved_before_there_was_one_loads_without(tmp_path):
    tiny_pocket().save_pretrained(tmp_path)
    path = tmp_path / "unet" / "config.json"
    said = json.loads(path.read_text())
    assert said.pop("reference_network") is False
    path.write_text(json.dumps(said))
    assert HumanVideoPipeline.from_pretrained(tmp_path).unet.reference_unet is None


@torch.no_grad()
def test_a_full_one_begins_with_the_weights_of_stable_diffusion(tmp_path):
    save_stable_diffusion(tmp_path)
    sources = {"image_encoder": tmp_path / "clip", "motion": tmp_path / "motion"}
    ours = from_stable_diffusion(tmp_path, **sources, reference_network=True).unet.reference_unet.state_dict()
    weights = UNet2DConditionModel.from_pretrained(tmp_path / "unet").state_dict()
    taken = {name for name in ours if not name.startswith("values.")}
    assert taken < set(weights) and "up_blocks.3.attentions.2.proj_in.weight" in taken
    assert all(torch.equal(ours[name], weights[name]) for name in taken)


@torch.no_grad()
def test_its_states_are_what_stable_diffusions_spatial_attentions_are_given():
    torch.manual_seed(4)
    unet2d, tokens = tiny_unet2d().eval(), torch.randn(7, 32)
    ours = unet_from_sd(unet2d, None, tokens, feature_width=24, reference_network=True)
    given = {}
    for place in ours.reference_unet.places:
        attention = unet2d.get_submodule(place)
        attention.register_forward_pre_hook(lambda _, states, place=place: given.update({place: states[0]}))
    latent = latents(ours)
    unet2d(latent, torch.tensor(0), tokens.expand(2, -1, -1))
    states = ours.reference_unet(latent, tokens.expand(2, -1, -1))
    assert set(states) == set(given)
    for place, expected in given.items():
        torch.testing.assert_close(states[place], expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_at_its_published_size_every_spatial_attention_is_shown_the_reference():
    with torch.device("meta"):
        unet = HumanVideoUNet(reference_network=True)
        pairs = unet.video_keys_values(torch.empty(1, 1, 768), torch.empty(1, 4, 64, 64))[16:]
    assert len(pairs) == len(unet.reference_unet.places) == 16
    assert sum(key.shape[2] == 64 * 64 for key, _ in pairs) == 5
    assert round(sum(weight.numel() for weight in reference_weights(unet).values()) / 1e6) == 869


def test_training_shows_it_the_picture_of_the_global_feature_and_drops_both():
    torch.manual_seed(0)
    pipeline = tiny_pocket(reference_network=True, residual=True)
    settings = config()
    settings = replace(settings, model=replace(settings.model, reference_network=True))
    clips, last = squares(0)
    clips = replace(clips, points_BT3HW=clips.pose_BT3HW)

    def learnt(drop: float) -> Trainee:
        trainee = Trainee(pipeline)
        trainee.zero_grad()
        aim = objective(pipeline, replace(settings, disturb=replace(settings.disturb, drop_reference=drop)))
        aim.losses(trainee, clips, last, step_generator(0, 0)).loss.backward()
        return trainee

    silent = [name for name, weight in learnt(0.0).named_parameters() if not weight.grad.any()]
    assert silent == []
    dropped = learnt(1.0)
    assert not any(weight.grad.any() for weight in reference_weights(dropped).values())
    assert dropped.unet.conv_in.weight.grad.any()


@torch.no_grad()
def test_samples_in_training_are_made_with_it():
    pipeline = tiny_pocket(reference_network=True, residual=True)
    clips, last = squares(0)
    noise = noise_for(pipeline, clips, step_generator(0, 0))
    shown, hidden = (sample_clip(pipeline, clips, last, 2, noise, without) for without in (set(), {"reference"}))
    for project in pipeline.unet.reference_unet.values:
        project.weight.zero_()
    unshown, unhidden = (sample_clip(pipeline, clips, last, 2, noise, without) for without in (set(), {"reference"}))
    assert (shown - unshown).abs().max() > 1e-4
    assert torch.equal(hidden, unhidden)
