"""Measures of generated video: each tells the right from the wrong by a known amount."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from transforms.measures.fidelity import colour_error, masked_psnr, newly_seen  # noqa: E402
from transforms.measures.matte import figure_matte, matte_iou  # noqa: E402
from transforms.measures.sharpness import sharpness_ratio  # noqa: E402
from transforms.measures.slope import slope  # noqa: E402
from transforms.measures.track_error import follow_points, still_error, track_error  # noqa: E402

SIZE, FRAMES = 64, 8


def texture(width: int = SIZE, seed: int = 0) -> np.ndarray:
    """(SIZE, width) in 0..255, detail of a few pixels."""
    noise = np.random.default_rng(seed).random((SIZE // 4, width // 4)).astype(np.float32)
    return cv2.resize(noise, (width, SIZE), interpolation=cv2.INTER_CUBIC).clip(0, 1) * 255


def panning(speed: float) -> np.ndarray:
    """(T, H, W) uint8 of ground that moves left by `speed` px a frame."""
    wide, maps = texture(4 * SIZE), []
    for t in range(FRAMES):
        move = np.array([[1, 0, 20 + speed * t], [0, 1, 0]], np.float32)
        maps.append(cv2.warpAffine(wide, move, (SIZE, SIZE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP))
    return np.stack(maps).round().astype(np.uint8)


def grid_tracks(speed: float) -> tuple[np.ndarray, np.ndarray]:
    """(T, N, 2) places of points on that ground, and whether they are in the picture."""
    start = np.stack(np.meshgrid(np.arange(12, 60, 8), np.arange(12, 60, 8)), -1).reshape(-1, 2)
    xy = start[None] - np.array([speed, 0]) * np.arange(FRAMES)[:, None, None]
    return xy.astype(np.float32), (xy >= 2).all(-1) & (xy <= SIZE - 3).all(-1)


def video(seed: int) -> torch.Tensor:
    return torch.rand(2, FRAMES, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(seed))


def test_masked_psnr_counts_the_pixels_of_the_mask_alone():
    true, mask = video(0), torch.zeros(2, FRAMES, 1, SIZE, SIZE)
    mask[:, :, :, :20] = 1
    made = true + 0.1 * mask + 0.5 * (1 - mask)
    assert masked_psnr(made, true, mask).allclose(torch.tensor(20.0), atol=1e-3)
    assert masked_psnr(made, true, 1 - mask).allclose(torch.tensor(6.0206), atol=1e-3)
    assert masked_psnr(made, true, 0 * mask).isnan().all()
    assert masked_psnr(true, true, mask).eq(60).all()


def test_newly_seen_ground_is_what_no_mask_covers_and_the_warp_does_not_know():
    ground, known = torch.ones(1, 2, 1, SIZE, SIZE), torch.ones(1, 2, 1, SIZE, SIZE)
    ground[..., :30], known[..., 20:50] = 0, 0
    known[:, 1] = 1
    known[:, 1, :, :3, :3] = 0
    fresh = newly_seen(ground, known)
    assert fresh[0, 0].sum() == 20 * SIZE and fresh[0, 0, ..., 30:50].all()
    assert fresh[0, 1].sum() == 0, "a few pixels are no place to measure"


def test_colour_error_is_that_of_the_mean_colour():
    true = video(1) * 0.5
    made = true.clone()
    made[0, :, 0] += 0.3
    made[1] = made[1].flip(-1)
    assert colour_error(made, true).allclose(torch.tensor([0.1, 0.0]), atol=1e-5)


def test_the_slope_is_the_change_per_clip():
    assert slope([30, 25, 24.5, 24, 23.5], first=1) == pytest.approx(-0.5)
    assert np.isnan(slope([30, 25], first=1))


def test_blur_lowers_the_sharpness_and_noise_raises_it():
    true = torch.from_numpy(panning(1.0)).float()[None, :, None].expand(-1, -1, 3, -1, -1) / 255
    blurred = torch.nn.functional.avg_pool2d(true.flatten(0, 1), 5, 1, 2)[None]
    assert sharpness_ratio(true, true) == pytest.approx(1)
    assert sharpness_ratio(blurred, true) < 0.7
    assert sharpness_ratio(true + 0.1 * torch.randn_like(true), true) > 1.3


@pytest.mark.parametrize("speed", [0.0, 1.0, 2.5])
def test_points_are_followed_to_where_the_ground_went(speed):
    xy, visible = grid_tracks(speed)
    found = follow_points(panning(speed), xy[0])
    assert np.median(np.linalg.norm(found - xy, axis=-1)[visible]) < 0.15


def test_the_track_error_tells_ground_that_follows_from_ground_that_does_not():
    xy, visible = grid_tracks(2.0)
    visible &= visible[0]
    unit = still_error(xy, visible)
    assert unit == pytest.approx(2.0 * np.repeat(np.arange(FRAMES)[:, None], xy.shape[1], 1)[1:][visible[1:]].mean())
    assert track_error(panning(2.0), xy, visible) < 0.15 * unit
    assert track_error(panning(0.0), xy, visible) == pytest.approx(unit, rel=0.1)
    assert track_error(panning(-2.0), xy, visible) > 1.5 * unit
    grey = np.full((FRAMES, SIZE, SIZE), 90, np.uint8)
    assert track_error(grey, xy, visible) > 0.8 * unit, "ground without any texture is not right by being lost"
    assert np.isnan(track_error(grey, xy, visible & False))


def test_a_matte_is_what_light_in_the_surroundings_does_not_reach():
    true = (torch.rand(2, FRAMES, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(1)) - 0.2).clamp(0, 1)
    figure, ground = video(1) * 0.5, video(2) * 0.5
    light = torch.rand(2, FRAMES, 3, generator=torch.Generator().manual_seed(2)) + 0.2
    dark, bright = (true * figure + (1 - true) * g for g in (ground, ground + light[..., None, None]))
    assert figure_matte(dark, bright, light).allclose(true, atol=1e-5)


def test_the_iou_of_a_matte_falls_with_its_misplacement():
    mask, moved = torch.zeros(2, 1, FRAMES, 1, SIZE, SIZE)
    mask[..., 20:44, 20:32], moved[..., 20:44, 24:36] = 1, 0.7
    assert matte_iou(mask, mask).eq(1).all()
    assert matte_iou(moved, mask).allclose(torch.tensor(8 / 16))
    assert matte_iou(0.4 * mask, mask).eq(0).all()
    assert matte_iou(mask, 0 * mask).isnan().all()
