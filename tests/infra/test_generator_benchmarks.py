"""The generator's benchmarks run with any pipeline, and tell a true video from a copied one."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")

from infra.benchmarks import training_quality  # noqa: E402
from infra.benchmarks.control_grid import cell_drive, errors, make, row_of  # noqa: E402
from infra.benchmarks.disentanglement import table  # noqa: E402
from infra.benchmarks.held_out import Figures, load_models, make_lifted, matte  # noqa: E402
from infra.benchmarks.long_chain import (  # noqa: E402
    ClipFigures,
    chains,
    chosen,
    drives,
    figures,
    lines,
    seen_ground,
    there_and_back,
)
from infra.benchmarks.scene_means import Decibels, gain, mean_and_error  # noqa: E402
from infra.benchmarks.warp_quality import CLIP_FRAMES, Truth, make_truth  # noqa: E402
from models.generator.latents import decode  # noqa: E402
from models.generator.pipeline import HumanVideoPipeline, Sampling, VideoInputs  # noqa: E402
from models.generator.warp.scene import WarpedScene  # noqa: E402
from pipelines.render_clips import Rasters  # noqa: E402
from schemas.errors import ConfigError  # noqa: E402
from schemas.skeletons import BLAZEPOSE_33  # noqa: E402
from tests.models.generator.tiny_generators import tiny_pocket  # noqa: E402
from transforms.measures.matte import matte_iou  # noqa: E402
from transforms.track_presets.tracks import preset_tracks  # noqa: E402

SIZE, T = 32, 4
WITHOUT = ("", ", no global feature")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def truth() -> Truth:
    return make_truth(2, SIZE, 2 * (T - 1) + 1)


@pytest.fixture(scope="module")
def untrained() -> HumanVideoPipeline:
    """Predicts no correction: what it makes is the warp."""
    return tiny_pocket(trained=False, condition="warped-last12", residual=True)


@pytest.fixture(scope="module")
def rows(untrained: HumanVideoPipeline) -> dict[str, Figures]:
    return dict(table(make_truth(2, 64, 8), {"untrained": untrained}, steps=1))


def test_the_true_video_is_perfect_and_a_copied_picture_is_not(rows: dict[str, Figures]) -> None:
    true, copied = rows["true video"], rows["copy the reference"]
    assert (true.figure, true.ground) == (60, 60) and true.iou > 0.97
    assert true.sharpness == pytest.approx(1) and true.colour == 0
    assert true.track < copied.track == pytest.approx(1, abs=0.02)
    assert copied.figure < 40 and copied.ground < 40 and copied.iou < 0.95


def test_a_network_that_corrects_nothing_makes_the_warp(rows: dict[str, Figures]) -> None:
    for change in ("", ", shuffled pose", ", shuffled tracks", ", no tracks"):
        warp, model = rows[f"full warp{change}"], rows[f"untrained, sampled{change}"]
        assert model.figure == pytest.approx(warp.figure, abs=0.1)
        assert model.ground == pytest.approx(warp.ground, abs=0.1)
        assert model.iou == pytest.approx(warp.iou, abs=0.02)


def test_a_mean_has_the_standard_error_of_scenes_however_many_frames_each_shows() -> None:
    torch.manual_seed(0)
    values_BT = torch.randn(12, 7) + torch.arange(12.0)[:, None]
    scenes_B = values_BT.double().mean(1)
    mean, error = mean_and_error(values_BT)
    assert (mean, error) == pytest.approx((float(scenes_B.mean()), float(scenes_B.std() / 12**0.5)))
    assert mean_and_error(values_BT.repeat(1, 5)) == pytest.approx((mean, error))
    hidden_BT = values_BT.clone()
    hidden_BT[3], hidden_BT[4, 1:] = torch.nan, torch.nan
    left, error = mean_and_error(hidden_BT)
    assert left == pytest.approx(float(hidden_BT.nanmean())) and error > 0
    assert all(value != value for value in mean_and_error(hidden_BT[3:4]))
    assert mean_and_error(values_BT[:1])[1] != mean_and_error(values_BT[:1])[1]


def test_a_gain_is_paired_so_that_the_difference_of_scenes_does_not_blur_it() -> None:
    values_BT = 20 + 5 * torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    values_BT[2, 1] = torch.nan
    warp, better = (Decibels(v, v - 1, v + 1) for v in (values_BT, values_BT + 1.5))
    assert gain(better, warp).split() == ["+1.50", "±0.00"] * 3
    assert mean_and_error(values_BT)[1] > 0.5


def test_other_scenes_come_from_another_seed_and_their_surroundings_are_lifted_with_them() -> None:
    truth, other = make_truth(2, SIZE, 2), make_truth(2, SIZE, 2, 5)
    assert not torch.equal(truth.video_BT3HW, other.video_BT3HW)
    for lifted in make_lifted(other):
        assert torch.equal(lifted.mask_BT1HW, other.mask_BT1HW)


def test_two_models_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two models are called 'model'"):
        load_models([tmp_path / "a" / "model", tmp_path / "b" / "model"])


def test_training_quality_tells_the_gain_of_a_network_that_corrects_nothing_as_none(
    untrained: HumanVideoPipeline,
) -> None:
    rows = training_quality.table(untrained, make_truth(2, SIZE, CLIP_FRAMES), [2], whole=False)
    warp, facts = rows["full warp"], rows["sampled, 2 steps"].facts()
    assert facts["figure"] == pytest.approx(warp.figure, abs=0.1)
    assert facts["figure_error"] == pytest.approx(mean_and_error(warp.figure_BT)[1], abs=0.1)
    assert abs(float(gain(rows["mean prediction"], warp).split()[0])) <= 0.1


def test_the_matte_of_the_true_videos_is_the_mask_and_of_the_warp_its_own() -> None:
    truth = make_truth(3, 64, 8)
    lifted = make_lifted(truth)
    assert matte_iou(matte(*(t.video_BT3HW for t in lifted), truth), truth.mask_BT1HW).nanmean() > 0.97
    drive = truth.clip(0, 8)
    dark, bright = (WarpedScene.start(t.reference()).warp(drive)[0].rgb_BT3HW for t in lifted)
    found = matte(dark, bright, truth) > 0.5
    own = WarpedScene.start(truth.reference()).warp(drive)[0].alpha_BT1HW.flatten(0, 1).round()
    for figure, side in ((True, own), (False, 1 - own)):
        inner = -torch.nn.functional.max_pool2d(-side, 3, 1, 1) == 1  # edges mix colours in the reference itself
        assert inner.sum() > 1000
        assert (found.flatten(0, 1)[inner] == figure).float().mean() > 0.99


def test_every_way_of_chaining_makes_every_clip(truth: Truth, untrained: HumanVideoPipeline) -> None:
    given = drives(truth, 2, T)
    seen = seen_ground(truth, given)
    ways = chains(truth, given, {"model": untrained, "plain": tiny_pocket(condition="repeat")}, 1)
    made = {name: figures(truth, chain(), seen) for name, chain in ways.items()}
    model = {f"model, {way}{without}" for way in ("anchored", "from the last frame") for without in WITHOUT}
    plain = {f"plain, plain chaining{without}" for without in WITHOUT}
    assert set(made) == {"warp, anchored", "warp, from the last frame"} | model | plain
    assert all(len(rows) == 2 for rows in made.values())
    warp = made["warp, anchored"]
    assert made["model, anchored"][0].figure == pytest.approx(warp[0].figure, abs=0.1)
    assert warp[1].seen > warp[1].ground
    assert made["model, from the last frame"][1].figure <= warp[1].figure + 0.5


def test_plain_chaining_goes_on_from_the_last_latent_with_the_first_references_feature(truth: Truth) -> None:
    plain, given = tiny_pocket(condition="repeat"), drives(truth, 2, T)
    ways = chains(truth, given, {"plain": plain}, 1)
    first, second = ways["plain, plain chaining"]()
    reference = truth.reference()
    clips = [Rasters(reference, BLAZEPOSE_33).clip(drive, first=not k) for k, drive in enumerate(given)]
    inputs = VideoInputs(reference.picture_B3HW[0], 0, [clip[0] for clip in clips])
    begun = plain.begin(inputs)
    after = begun.after(plain.make_clip([begun], [plain.cache(begun)], [inputs.clips[0]], Sampling(1))[0], {})
    latents = plain.make_clip([after], [plain.cache(begun)], [inputs.clips[1]], Sampling(1))
    assert torch.equal(after.global_feature_NE, begun.global_feature_NE)
    torch.testing.assert_close((decode(plain.vae, latents[0])[1:] + 1) / 2, second[0, 1:], rtol=0, atol=1e-5)
    assert torch.equal(second[:, 0], first[:, -1])
    blind = list(ways["plain, plain chaining, no global feature"]())
    assert not torch.allclose(blind[0], first, atol=1e-4)


def test_a_chain_is_told_by_its_first_second_and_last_clip_or_by_every_one() -> None:
    rows = [ClipFigures(30, 29.0 - k, 28, 0.01) for k in range(5)]
    short, whole = list(lines(rows, every=False)), list(lines(rows, every=True))
    assert [line.split()[1] for line in short[:-1]] == ["1", "2", "5"]
    assert [line.split()[1] for line in whole[:-1]] == list("12345")
    assert short[-1] == whole[-1] and short[-1].split()[2:7:2] == ["+0.00", "-1.00", "+0.00"]


def test_chains_are_chosen_by_name(truth: Truth, untrained: HumanVideoPipeline) -> None:
    named = chains(truth, [], {"model": untrained}, 1)
    assert set(chosen(named, ())) == set(named)
    assert set(chosen(named, ("model, anchored",))) == {"model, anchored", "model, anchored, no global feature"}
    with pytest.raises(ConfigError, match=r"holds 'plain'; there are: warp"):
        chosen(named, ("plain",))


def test_a_video_there_and_back_ends_as_it_began(truth: Truth) -> None:
    returning = there_and_back(truth, T)
    assert returning.video_BT3HW.shape[1] == 2 * T - 1
    assert torch.equal(returning.video_BT3HW[:, 0], returning.video_BT3HW[:, -1])
    pose = returning.annotations[0].persons[0].pose
    assert (pose.xy_TJ2[1] == pose.xy_TJ2[-2]).all()
    first, last = drives(returning, 2, T)
    assert torch.equal(first.pose_BTJ2[:, 0], last.pose_BTJ2[:, -1])


def test_a_cell_of_the_control_grid_follows_its_own_ground_best(truth: Truth) -> None:
    grounds = [preset_tracks(name, T, SIZE, SIZE, 4, 1, 1.5) for name in ("pan", "zoom")]
    drives_of_cell = [cell_drive(truth, 0, 1, tracks, T) for tracks in grounds]
    reference = row_of(truth.reference(), 1)
    for own, drive in enumerate(drives_of_cell):
        found = errors(make(None, reference, drive, 1), drives_of_cell)
        assert found[own] == min(found)
