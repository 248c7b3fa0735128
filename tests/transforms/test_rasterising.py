"""Condition images: limbs and dots where the joints and points are, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.records import Tracks
from schemas.skeletons import BLAZEPOSE_33
from transforms.rasterising.selection import choose_points

torch = pytest.importorskip("torch", reason="torch is not installed")

from transforms.rasterising.points import identity_colours, rasterise_points  # noqa: E402
from transforms.rasterising.skeleton import bone_colours, rasterise_skeleton  # noqa: E402


def _pose(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    xy = torch.rand((2, 3, 33, 2), generator=generator) * torch.tensor([width - 1.0, height - 1.0])
    return xy, torch.ones((2, 3, 33))


@pytest.mark.parametrize(("height", "width"), [(64, 64), (48, 80)])
def test_each_bone_lies_on_the_line_between_its_joints_in_its_own_colour(height: int, width: int) -> None:
    for bone, colour in zip(BLAZEPOSE_33.bones, bone_colours(BLAZEPOSE_33), strict=True):
        xy, _ = _pose(height, width)
        confidence = torch.zeros((2, 3, 33))
        confidence[..., list(bone)] = 1
        picture = rasterise_skeleton(xy, confidence, BLAZEPOSE_33, height, width)
        middle = xy[1, 2, list(bone)].mean(0).round().long()
        around = picture[1, 2, :, middle[1] - 1 : middle[1] + 2, middle[0] - 1 : middle[0] + 2]
        assert torch.allclose(around.amax((1, 2)), torch.tensor(colour), atol=0.2)
        assert (picture[1, 2] > 0).any(0).float().mean() < 0.1
    assert len(set(bone_colours(BLAZEPOSE_33))) == len(BLAZEPOSE_33.bones)


def test_unsure_and_missing_joints_are_not_drawn() -> None:
    xy, confidence = _pose(32, 32)
    confidence[0] = 0.1
    xy[1] = torch.nan
    picture = rasterise_skeleton(xy, confidence, BLAZEPOSE_33, 32, 32)
    assert picture.isfinite().all()
    assert picture.max() == 0


def test_a_batch_of_skeletons_equals_each_drawn_alone() -> None:
    xy, confidence = _pose(40, 56)
    whole = rasterise_skeleton(xy, confidence, BLAZEPOSE_33, 40, 56)
    alone = rasterise_skeleton(xy[1:, 2:], confidence[1:, 2:], BLAZEPOSE_33, 40, 56)
    assert torch.equal(whole[1:, 2:], alone)


def test_points_are_dots_at_their_places_with_the_colour_of_their_first_place() -> None:
    xy = torch.tensor([[[[10.0, 20.0], [50.0, 40.0]], [[14.0, 22.0], [-9.0, 40.0]]]])
    picture = rasterise_points(xy, torch.ones((1, 2, 2), dtype=torch.bool), torch.zeros((1, 2, 1, 64, 64)))
    colours = identity_colours(xy[:, 0], 64, 64)[0]
    assert torch.allclose(picture[0, 0, :, 20, 10], colours[0])
    assert torch.allclose(picture[0, 1, :, 22, 14], colours[0])
    assert torch.allclose(picture[0, 0, :, 40, 50], colours[1])
    assert picture[0, 1, :, 20, 10].max() == 0, "no trail"
    assert (picture[0, 1] > 0).any(0).sum() <= 9, "what left the frame is not drawn"


def test_points_are_dropped_where_hidden_and_black_under_the_mask() -> None:
    xy = torch.tensor([[[[10.0, 20.0], [50.0, 40.0], [32.0, 32.0]]]])
    people = torch.zeros((1, 1, 1, 64, 64))
    people[..., 30:35, 30:35] = 1
    people[..., 39:42, 51] = 1
    visible = torch.tensor([[[False, True, True]]])
    picture = rasterise_points(xy, visible, people)
    assert picture[..., 15:25, 5:15].max() == 0
    assert picture[..., 28:37, 28:37].max() == 0
    assert picture[0, 0, :, 40, 50].max() > 0.5
    assert picture[0, 0, :, 40, 51].max() == 0


def test_rows_differ_in_hue_and_columns_in_lightness() -> None:
    colours = identity_colours(torch.tensor([[[5.0, 5.0], [60.0, 5.0], [5.0, 40.0]]]), 64, 64)[0]
    assert colours[1].sum() > colours[0].sum() + 0.3
    assert colours[0].argmax() != colours[2].argmax()


def _tracks(points: int = 60, frames: int = 20) -> Tracks:
    rng = np.random.default_rng(0)
    xy = rng.uniform(0, 99, (points, 1, 2)) + np.zeros((1, frames, 1))
    visible = np.ones((points, frames), bool)
    visible[::3, 10:] = False
    on_person = np.zeros_like(visible)
    on_person[1::3, 10] = True
    return Tracks(xy.astype(np.float32), visible, on_person, np.zeros(points, np.int32))


def test_points_are_chosen_among_those_seen_at_the_clips_first_frame() -> None:
    chosen = choose_points(_tracks(), 10, 18, (100, 100), 50, (1,))
    assert set(chosen.ids_N) == set(range(2, 60, 3))
    assert chosen.visible_TN[0].all()
    assert chosen.xy_TN2.shape == (8, 20, 2)


def test_few_points_are_spread_and_known_ones_come_first() -> None:
    tracks = _tracks()
    chosen = choose_points(tracks, 0, 8, (100, 100), 8, (1,))
    assert len(set(chosen.ids_N)) == 8
    gaps = np.linalg.norm(chosen.xy_TN2[0][:, None] - chosen.xy_TN2[0][None], axis=-1) + 1e3 * np.eye(8)
    assert gaps.min() > 20
    again = choose_points(tracks, 1, 9, (100, 100), 8, (2,), known=chosen.ids_N.tolist())
    fresh = choose_points(tracks, 1, 9, (100, 100), 8, (2,))
    assert len(set(again.ids_N) & set(chosen.ids_N)) > len(set(fresh.ids_N) & set(chosen.ids_N))


def test_equal_seeds_choose_alike() -> None:
    first, second = (choose_points(_tracks(), 0, 8, (100, 100), 8, (5, 2)) for _ in range(2))
    np.testing.assert_array_equal(first.ids_N, second.ids_N)
