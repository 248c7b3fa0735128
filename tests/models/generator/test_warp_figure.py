"""The figure's warp, the whole scene, its saved form, and the condition and renderer made of it."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")

from infra.benchmarks.warp_quality import CLIP_FRAMES, Truth, chain, figure_iou, make_truth, table  # noqa: E402
from models.generator.conditions import ClipInputs, condition_builder  # noqa: E402
from models.generator.state import ClipState  # noqa: E402
from models.generator.warp.condition import VALIDITY_CHANNELS  # noqa: E402
from models.generator.warp.figure import Figure  # noqa: E402
from models.generator.warp.renderer import WarpRenderer  # noqa: E402
from models.generator.warp.saved import scene_from_tensors, scene_tensors  # noqa: E402
from models.generator.warp.scene import Drive, WarpedScene  # noqa: E402
from schemas.errors import GenerationError  # noqa: E402


@pytest.fixture(scope="module")
def truth() -> Truth:
    return make_truth(6, 64, CLIP_FRAMES)


@pytest.fixture(scope="module")
def rows(truth: Truth) -> dict[str, tuple[float, float]]:
    return {name: (figure, ground) for name, figure, ground in table(truth)}


def _one(drive: Drive, index: int) -> Drive:
    return Drive(*(getattr(drive, field.name)[index : index + 1] for field in fields(drive)))


def test_the_right_pose_moves_the_figure_and_a_wrong_one_does_not(rows: dict[str, tuple[float, float]]) -> None:
    assert rows["full warp"][0] > rows["copy the reference"][0] + 2
    assert rows["full warp"][0] > rows["full warp, shuffled pose"][0] + 4


def test_the_right_tracks_move_the_ground_and_wrong_ones_do_not(rows: dict[str, tuple[float, float]]) -> None:
    assert rows["full warp"][1] > rows["copy the reference"][1] + 3
    assert rows["full warp"][1] > rows["full warp, shuffled tracks"][1] + 4
    assert rows["full warp"][1] > rows["full warp, no tracks"][1] + 3
    assert rows["full warp, known ground"][1] > rows["full warp, newly seen ground"][1] + 5


def test_the_warped_figure_covers_the_person(truth: Truth) -> None:
    assert figure_iou(truth) > 0.8


def test_the_references_own_pose_gives_the_reference_back(truth: Truth) -> None:
    warped, _ = WarpedScene.start(truth.reference()).warp(truth.clip(0, 2))
    error = (warped.rgb_BT3HW[:, 0] - truth.video_BT3HW[:, 0]).abs()
    assert error.mean() < 0.01
    assert (error * truth.mask_BT1HW[:, 0]).sum() / truth.mask_BT1HW[:, 0].sum() / 3 < 0.04


def test_anchored_clips_do_not_fade_as_clips_from_the_last_frame_do() -> None:
    long = make_truth(3, 64, 1 + 4 * (CLIP_FRAMES - 1))
    last, anchored = chain(long, "last"), chain(long, "anchored")
    assert anchored[0] == pytest.approx(last[0])
    assert anchored[-1][0] > last[-1][0] + 1


def test_a_figure_without_a_pose_is_not_drawn_and_spoils_no_other_frame(truth: Truth) -> None:
    drive = truth.clip(0, 3)
    pose = drive.pose_BTJ2.clone()
    pose[:, 1] = torch.nan
    scene = WarpedScene.start(truth.reference())
    warped, whole = (scene.warp(d)[0] for d in (replace(drive, pose_BTJ2=pose), drive))
    assert warped.alpha_BT1HW[:, 1].max() == 0
    assert warped.rgb_BT3HW.isfinite().all()
    torch.testing.assert_close(warped.rgb_BT3HW[:, 2], whole.rgb_BT3HW[:, 2])


def test_a_reference_without_some_joints_still_gives_a_figure(truth: Truth) -> None:
    reference, drive = truth.reference(), truth.clip(0, 3)
    pose = reference.pose_BJ2.clone()
    pose[:, 25:] = torch.nan
    figure = Figure.from_reference(reference.picture_B3HW, reference.mask_B1HW, pose, reference.confidence_BJ)
    moved = figure.move(drive.pose_BTJ2, drive.confidence_BTJ)
    assert moved.isfinite().all()
    assert moved[:, :, 3].amax((1, 2, 3)).min() > 0.9


def test_a_batch_is_warped_as_each_scene_alone(truth: Truth) -> None:
    drive, reference = truth.clip(0, 4), truth.reference()
    together, _ = WarpedScene.start(reference).warp(drive)
    for index in (0, 5):
        own = type(reference)(*(getattr(reference, f.name)[index : index + 1] for f in fields(reference)))
        alone, _ = WarpedScene.start(own).warp(_one(drive, index))
        torch.testing.assert_close(alone.rgb_BT3HW[0], together.rgb_BT3HW[index], atol=2e-3, rtol=0)


def test_a_scene_comes_back_from_its_tensors(truth: Truth) -> None:
    scene = WarpedScene.start(truth.reference())
    warped, scene = scene.warp(_one(truth.clip(0, 4), 0)) if len(truth.cameras) == 1 else scene.warp(truth.clip(0, 4))
    scene = scene.take_up(truth.video_BT3HW[:, :4], warped)
    tensors = scene_tensors(scene)
    drive = truth.clip(3, 7)
    restored, _ = scene_from_tensors(tensors).warp(_one(drive, 0))
    torch.testing.assert_close(restored.rgb_BT3HW[0], scene.warp(drive)[0].rgb_BT3HW[0], atol=6e-3, rtol=0)
    twice = scene_tensors(scene_from_tensors(tensors))
    assert all(torch.equal(tensors[name], twice[name]) for name in tensors)


def test_the_renderer_shows_the_shared_frame_once(truth: Truth) -> None:
    clips = list(WarpRenderer().render(truth.reference(), [truth.clip(0, 4), truth.clip(3, 8)]))
    assert [clip.shape[1] for clip in clips] == [4, 4]


def _motion(truth: Truth, start: int, end: int, index: int) -> dict[str, torch.Tensor]:
    drive, reference = _one(truth.clip(start, end), index), truth.reference()
    return {
        "pose": drive.pose_BTJ2[0],
        "pose_confidence": drive.confidence_BTJ[0],
        "points": drive.xy_BTN2[0],
        "points_visible": drive.visible_BTN[0],
        "point_ids": drive.ids_BN[0],
        "reference_pose": reference.pose_BJ2[index],
        "reference_confidence": reference.confidence_BJ[index],
        "reference_mask": reference.mask_B1HW[index],
        "people_mask": reference.people_B1HW[index],
    }


def _inputs(truth: Truth, start: int, end: int, index: int) -> ClipInputs:
    black = torch.zeros((end - start, 3, 64, 64))
    return ClipInputs(black, black, _motion(truth, start, end, index))


def _identity(pixels: torch.Tensor) -> torch.Tensor:
    return pixels


@pytest.mark.parametrize("name", ["warped", "warped-last4", "warped-last12"])
def test_the_condition_has_the_channels_it_says(truth: Truth, name: str) -> None:
    builder = condition_builder(name)
    channels = builder.extra_channels - VALIDITY_CHANNELS or 3
    clip = _inputs(truth, 0, 3, 0)
    latent = torch.zeros((channels, 64, 64))
    memory = builder.begin(truth.video_BT3HW[0, 0] * 2 - 1, clip.motion)
    state = ClipState(0, 0, latent, torch.zeros((1, 1)), latent, memory)

    def encode(pixels: torch.Tensor) -> torch.Tensor:
        return pixels.repeat(1, channels // 3 + 1, 1, 1)[:, :channels]

    condition = builder.build([state], [clip], 3, encode)
    assert condition.shape == (1, 3, channels + builder.extra_channels, 64, 64)
    validity = condition[:, :, channels : channels + 2]
    assert 0 <= validity.min() < validity.max() <= 1


@pytest.mark.parametrize("name, channels", [("warped-last4", 4), ("warped-last12", 12)])
def test_the_frame_before_is_the_reference_or_its_warp_into_another_pose_and_later_the_last_latent(
    truth: Truth, name: str, channels: int
) -> None:
    builder, elsewhere, standing = condition_builder(name), _inputs(truth, 3, 6, 0), _inputs(truth, 0, 3, 0)
    undriven, nobody = replace(elsewhere, pose_T3HW=None), dict(elsewhere.motion)
    nobody["pose_confidence"] = torch.zeros_like(nobody["pose_confidence"])
    reference, last = torch.full((channels, 64, 64), 2.0), torch.full((channels, 64, 64), 3.0)
    memory = builder.begin(truth.video_BT3HW[0, 0] * 2 - 1, elsewhere.motion)
    first = ClipState(0, 0, reference, torch.zeros((1, 1)), reference, memory)
    later = replace(first, next_clip=1, last_latent_Chw=last)

    def encode(pixels: torch.Tensor) -> torch.Tensor:
        return pixels.repeat(1, channels // 3 + 1, 1, 1)[:, :channels]

    def before(state: ClipState, clip: ClipInputs) -> tuple[torch.Tensor, torch.Tensor]:
        warped, _, shown = builder.build([state], [clip], 3, encode)[0].split([channels, 2, channels], 1)
        assert torch.equal(shown, shown[:1].expand_as(shown))
        return warped, shown[0]

    for clip in (elsewhere, replace(elsewhere, motion=nobody)):
        warped, shown = before(first, clip)
        assert torch.equal(shown, warped[0])
    for clip in (standing, undriven):
        assert torch.equal(before(first, clip)[1], reference)
    for clip in (elsewhere, standing):
        assert torch.equal(before(later, clip)[1], last)


def test_videos_in_a_batch_have_the_condition_and_memory_they_have_alone(truth: Truth) -> None:
    builder = condition_builder("warped")
    clips = [_inputs(truth, 0, 4, index) for index in (1, 2)]
    latent = torch.zeros((3, 64, 64))
    states = [
        ClipState(0, 0, latent, torch.zeros((1, 1)), latent, builder.begin(truth.video_BT3HW[i, 0] * 2 - 1, c.motion))
        for i, c in zip((1, 2), clips, strict=True)
    ]
    together = builder.build(states, clips, 4, _identity)
    assert torch.equal(builder.build(states[1:], clips[1:], 4, _identity)[0], together[1])
    memory = builder.remember(states[0], clips[0], truth.video_BT3HW[1, :4] * 2 - 1)
    assert memory["canvas"].shape == states[0].memory["canvas"].shape
    assert (memory["canvas"][3] > 0).sum() >= (states[0].memory["canvas"][3] > 0).sum()


def test_a_motion_without_what_the_warp_needs_is_refused_by_name(truth: Truth) -> None:
    builder, clip = condition_builder("warped"), _inputs(truth, 0, 3, 0)
    lacking = {name: value for name, value in clip.motion.items() if name not in ("reference_mask", "points")}
    with pytest.raises(GenerationError, match="reference_mask"):
        builder.begin(truth.video_BT3HW[0, 0] * 2 - 1, lacking)
    latent = torch.zeros((3, 64, 64))
    memory = builder.begin(truth.video_BT3HW[0, 0] * 2 - 1, clip.motion)
    state = ClipState(0, 0, latent, torch.zeros((1, 1)), latent, memory)
    with pytest.raises(GenerationError, match="points"):
        builder.build([state], [replace(clip, motion=lacking)], 3, _identity)
