"""The generator's benchmarks run with any pipeline, and tell a true video from a copied one."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")

from infra.benchmarks.control_grid import cell_drive, errors, make, row_of  # noqa: E402
from infra.benchmarks.disentanglement import table  # noqa: E402
from infra.benchmarks.generator_cost import FRAMES, build, peers_way, unet_alone, video  # noqa: E402
from infra.benchmarks.held_out import Figures, make_lifted, matte  # noqa: E402
from infra.benchmarks.long_chain import chains, drives, figures, seen_ground, there_and_back  # noqa: E402
from infra.benchmarks.warp_quality import Truth, make_truth  # noqa: E402
from models.generator.guidance import Guidance  # noqa: E402
from models.generator.pipeline import HumanVideoPipeline, Sampling  # noqa: E402
from models.generator.warp.scene import WarpedScene  # noqa: E402
from tests.models.generator.tiny_generators import tiny_pocket  # noqa: E402
from transforms.measures.matte import matte_iou  # noqa: E402
from transforms.track_presets.tracks import preset_tracks  # noqa: E402

SIZE, T = 32, 4


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
    made = {n: figures(truth, chain(), seen) for n, chain in chains(truth, given, untrained, 1).items()}
    assert len(made) == 5 and all(len(rows) == 2 for rows in made.values())
    warp, model = made["warp, anchored"], made["model, as it chains"]
    assert model[0].figure == pytest.approx(warp[0].figure, abs=0.1)
    assert warp[1].seen > warp[1].ground
    assert made["model, from the last frame"][1].figure <= warp[1].figure + 0.5


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


def test_the_peers_way_makes_as_many_frames_as_the_pipeline() -> None:
    pipeline = build(16, "cpu", torch.float32)
    made, sampling = video(1, 2, 64), Sampling(1, Guidance(joint=2.0))
    whole = [result.frames_T3HW for result in pipeline.stream([made], sampling)]
    assert sum(map(len, whole)) == len(peers_way(pipeline, made, sampling)) == 2 * FRAMES - 1
    calls: list[int] = []
    hook = pipeline.unet.register_forward_hook(lambda *_: calls.append(1))
    unet_alone(pipeline, made, sampling)()
    alone = len(calls)
    list(pipeline.stream([made], sampling))
    hook.remove()
    assert alone == len(calls) - alone == 2
