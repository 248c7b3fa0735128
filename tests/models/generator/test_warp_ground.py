"""The ground's warp: motion from few points, a memory that stays in place, new ground taken up once."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from transforms.rasterising.selection import choose_points
from transforms.track_presets.camera import camera_path
from transforms.track_presets.tracks import preset_tracks

torch = pytest.importorskip("torch", reason="torch is not installed")

from models.generator.warp.fill import fill_holes  # noqa: E402
from models.generator.warp.geometry import pixel_grid, project, pull_push, sample  # noqa: E402
from models.generator.warp.ground import fit_ground_motion  # noqa: E402
from models.generator.warp.memory import GroundMemory  # noqa: E402
from models.generator.warp.registration import register  # noqa: E402

H, W = 48, 64
EYE = torch.eye(3)[None]


def texture(height: int = H, width: int = W, seed: int = 0) -> torch.Tensor:
    """(1, 3, H, W) smooth random colours."""
    noise = torch.from_numpy(np.random.default_rng(seed).random((1, 3, height // 4, width // 4), np.float32))
    return torch.nn.functional.interpolate(noise, (height, width), mode="bicubic").clamp(0, 1)


def points(count: int, seed: int = 0) -> torch.Tensor:
    """(1, N, 2) places on the frame."""
    return torch.from_numpy(np.random.default_rng(seed).uniform((0, 0), (W - 1, H - 1), (1, count, 2))).float()


def homography() -> torch.Tensor:
    """A map with shift, turn, zoom and a little perspective."""
    return torch.tensor([[1.08, -0.1, 5.0], [0.09, 1.05, -3.0], [4e-4, -3e-4, 1.0]])


@pytest.mark.parametrize("count", [8, 50])
def test_a_homography_is_found_again_though_a_third_of_the_points_is_wrong(count: int) -> None:
    canvas = points(count)
    xy = project(homography()[None], canvas)[:, None]
    xy[:, :, : count // 3] += torch.from_numpy(np.random.default_rng(1).normal(0, 9, (1, 1, count // 3, 2))).float()
    motion = fit_ground_motion(xy, canvas, torch.ones((1, 1, count), dtype=torch.bool), EYE, H, W)
    found = project(motion.homography_BT33, xy)[:, :, count // 3 :]
    assert (found - canvas[:, None, count // 3 :]).norm(dim=-1).max() < 0.5


def test_a_bend_that_no_homography_explains_is_followed_by_the_local_field() -> None:
    canvas = points(50)
    bend = 2 * torch.sin(canvas[..., :1] / W * 2 * np.pi) * torch.tensor([0.0, 1.0])
    motion = fit_ground_motion((canvas + bend)[:, None], canvas, torch.ones((1, 1, 50), dtype=torch.bool), EYE, H, W)
    test = points(30, seed=7) * 0.8 + 6
    at = test + 2 * torch.sin(test[..., :1] / W * 2 * np.pi) * torch.tensor([0.0, 1.0])
    error = (motion.places(at[:, None])[:, 0] - test).norm(dim=-1).mean()
    without = (project(motion.homography_BT33, at[:, None])[:, 0] - test).norm(dim=-1).mean()
    assert error < 0.3 * without


def test_dense_places_and_inverse_belong_together() -> None:
    canvas = points(40)
    xy = project(homography()[None], canvas)[:, None] + torch.sin(canvas / 9)[:, None]
    motion = fit_ground_motion(xy, canvas, torch.ones((1, 1, 40), dtype=torch.bool), EYE, H, W)
    dense = motion.dense()
    places = motion.places(pixel_grid(H, W, dense.device).flatten(0, 1)[None, None])
    torch.testing.assert_close(dense.flatten(2, 3), places, atol=0.02, rtol=0)
    back = motion.inverse(places)
    torch.testing.assert_close(back[0, 0], pixel_grid(H, W, dense.device).flatten(0, 1), atol=0.05, rtol=0)


def test_frames_without_points_hold_the_motion_before_them() -> None:
    canvas = points(20)
    xy = torch.stack([canvas, canvas + 4, canvas], 1)
    visible = torch.tensor([True, True, False])[None, :, None].expand(1, 3, 20)
    motion = fit_ground_motion(xy, canvas, visible, EYE, H, W)
    torch.testing.assert_close(motion.homography_BT33[0, 2], motion.homography_BT33[0, 1])
    torch.testing.assert_close(
        motion.places((canvas + 4)[:, None].repeat(1, 3, 1, 1))[0, 1], canvas[0], atol=0.1, rtol=0
    )


@pytest.mark.parametrize("count", [0, 1, 2])
def test_next_to_no_points_give_a_finite_motion(count: int) -> None:
    canvas = points(max(count, 1))[:, :count]
    visible = torch.ones((1, 2, count), dtype=torch.bool)
    motion = fit_ground_motion(canvas[:, None].repeat(1, 2, 1, 1) + 3, canvas, visible, EYE, H, W)
    moved = motion.places(torch.full((1, 2, 1, 2), 20.0))
    torch.testing.assert_close(moved, torch.full_like(moved, 17.0 if count else 20.0), atol=0.5, rtol=0)


def _walk(memory: GroundMemory, frames: int, *, known: bool) -> list[torch.Tensor]:
    """What a memory shows at the last frame of every clip of a pan, and where it lies."""
    tracks = preset_tracks("pan", frames, W, H, Fraction(24), seed=1)
    used: list[int] = []
    seen = []
    for start in range(0, frames - 1, 8):
        chosen = choose_points(tracks, start, start + 9, (W, H), 30, (start,), known=used)
        used = chosen.ids_N.tolist()
        ids = chosen.ids_N if known else np.full_like(chosen.ids_N, -1)
        motion, memory = memory.locate(*(torch.from_numpy(a[None]) for a in (chosen.xy_TN2, chosen.visible_TN, ids)))
        seen.append(memory.show(motion.at(slice(-1, None)))[0][:, 0])
    return seen


@pytest.mark.parametrize("known", [True, False])
def test_panning_away_and_back_shows_the_same_ground(known: bool) -> None:
    reference = texture()
    memory = GroundMemory.start(reference, torch.zeros((1, 1, H, W)))
    seen = _walk(memory, 145, known=known)
    assert (seen[len(seen) // 2] - reference).abs().mean() > 0.05, "the camera went away"
    assert (seen[-1] - reference).abs().mean() < 0.01


def test_what_was_behind_a_person_or_off_the_frame_is_not_valid() -> None:
    people = torch.zeros((1, 1, H, W))
    people[..., 10:30, 20:30] = 1
    memory = GroundMemory.start(texture(), people)
    canvas = points(20)
    visible = torch.ones((1, 1, 20), dtype=torch.bool)
    ids = torch.arange(20)[None]
    _, placed = memory.locate(canvas[:, None], visible, ids)
    motion, _ = placed.locate((canvas + torch.tensor([8.0, 0.0]))[:, None], visible, ids)
    _, valid = memory.show(motion)
    assert valid[0, 0, 0, 15, 32] == 0, "the person's place moved along"
    assert valid[0, 0, 0, 15, 22] == 1
    assert valid[0, 0, 0, :, :7].max() == 0
    assert valid[0, 0, 0, 40, 20:].min() == 1


def test_new_ground_is_taken_up_once_and_where_it_belongs() -> None:
    world = texture(H, 2 * W)
    memory = GroundMemory.start(world[..., :W], torch.zeros((1, 1, H, W)))
    xy, visible, ids = points(20)[:, None], torch.ones((1, 1, 20), dtype=torch.bool), torch.arange(20)[None]
    _, memory = memory.locate(xy, visible, ids)
    away, memory = memory.locate(xy - torch.tensor([20.0, 0.0]), visible, ids)
    people = torch.zeros((1, 1, H, W))
    shifted = sample(world, pixel_grid(H, W, xy.device)[None] + torch.tensor([21.0, 0.0]))
    grown = memory.take_up(shifted, people, away)
    shown, valid = grown.show(away)
    assert valid[..., : W - 3].min() > 0.9
    truth = world[..., 20 : 20 + W]
    inner = slice(W - 18, W - 3)
    assert (shown[0, 0, ..., inner] - truth[0, ..., inner]).abs().mean() < 0.02, (
        "the painter's misfit of 1 px is undone"
    )
    again = grown.take_up(1 - shifted, people, away)
    torch.testing.assert_close(again.show(away)[0][..., inner], shown[..., inner])


def test_registration_finds_a_small_misfit_and_leaves_strangers_alone() -> None:
    frame, grid = texture(96, 96), pixel_grid(96, 96, torch.device("cpu"))[None]
    affine = torch.tensor([[[1.01, -0.01, 1.6], [0.01, 0.99, -1.2]]])
    expected = sample(frame, torch.einsum("bij,bhwj->bhwi", affine[..., :2], grid) + affine[:, None, None, :, 2])
    found = register(frame + 0.05, expected, torch.ones((1, 1, 96, 96)))
    corners = torch.tensor([[10.0, 10, 1], [80, 10, 1], [10, 80, 1], [80, 80, 1]]).T
    torch.testing.assert_close(found @ corners, affine @ corners, atol=0.15, rtol=0)
    nothing = register(frame, expected, torch.zeros((1, 1, 96, 96)))
    torch.testing.assert_close(nothing[0], torch.eye(2, 3))


def test_a_canvas_follows_a_camera_that_never_comes_back() -> None:
    memory = GroundMemory.start(texture(), torch.zeros((1, 1, H, W)))
    tall = memory.view.homography_BT33.clone()
    tall[..., 0, 2] = 70.0
    moved = replace(memory, view=replace(memory.view, homography_BT33=tall)).scrolled()
    assert moved.known_B1hw.shape == memory.known_B1hw.shape
    assert moved.origin_B2[0].tolist() == [70.0 - W, -H]
    here = memory.show(memory.view)
    torch.testing.assert_close(moved.show(memory.view)[1][..., 8:], here[1][..., 8:])
    torch.testing.assert_close(moved.show(memory.view)[0][..., 8:], here[0][..., 8:])


def test_fills_leave_what_is_known_and_stay_in_range() -> None:
    picture, known = texture(), torch.ones((1, 1, H, W))
    known[..., 12:36, 20:32] = 0
    for filled in (fill_holes(picture, known), pull_push(picture, known)):
        torch.testing.assert_close(filled * known, picture * known)
        assert filled.isfinite().all()
        assert 0 <= filled.min() <= filled.max() <= 1


def test_a_hole_in_stripes_is_filled_with_stripes() -> None:
    x = torch.arange(96)
    stripes = (0.5 + 0.5 * torch.sin(2 * np.pi * x / 9.6)).expand(1, 3, 96, 96).contiguous()
    known = torch.ones((1, 1, 96, 96))
    known[..., 30:60, 40:56] = 0
    error = (fill_holes(stripes, known) - stripes).abs()[..., 30:60, 40:56].mean()
    assert error < 0.5 * (pull_push(stripes, known) - stripes).abs()[..., 30:60, 40:56].mean()


def test_the_camera_path_and_its_tracks_agree() -> None:
    maps = camera_path("zoom", np.array([0.0, 1.5]), W, H, seed=0)
    centre = maps @ np.array([(W - 1) / 2, (H - 1) / 2, 1.0])
    np.testing.assert_allclose(centre[1, :2], centre[0, :2])
