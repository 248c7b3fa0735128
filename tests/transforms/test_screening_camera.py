from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import cv2
import numpy as np
import pytest

from schemas.scores import CAMERAS
from tests.transforms.screening_scenes import FPS, HEIGHT, WIDTH, clip_of, ground, panning, seen_through
from transforms.screening.bursts import background_bursts
from transforms.screening.camera import CameraMotion, PointRun, camera_motion

W, H, T = 640, 360, 90
Path = Callable[[np.ndarray, int], np.ndarray]
"""Where the points (N, 2), given relative to the centre of the picture, are at frame t."""


def grid(step_px: int = 40) -> np.ndarray:
    x, y = np.meshgrid(np.arange(step_px // 2, W, step_px), np.arange(step_px // 2, H, step_px))
    return np.stack([x.ravel(), y.ravel()], axis=1) - np.array([W, H]) / 2.0


def run_of(path: Path, points: np.ndarray | None = None, noise_px: float = 0.0, start: int = 0) -> PointRun:
    points = grid() if points is None else points
    xy = np.stack([path(points, t) for t in range(T)], axis=1) + np.array([W, H]) / 2
    xy += np.random.default_rng(0).normal(0, noise_px, xy.shape) if noise_px else 0
    return PointRun(xy.astype(np.float32), np.ones(xy.shape[:2], np.bool_), start)


def motion_of(path: Path, noise_px: float = 0.0) -> CameraMotion:
    return camera_motion([run_of(path, noise_px=noise_px)], W, H, FPS)


def pan(points, t):
    return points + np.array([4.0 * t, 0])


def zoom(points, t):
    return points * 1.01**t


def rotate(points, t):
    c, s = np.cos(0.01 * t), np.sin(0.01 * t)
    return points @ np.array([[c, s], [-s, c]])


def shake(points, t):
    return points + np.array([12 * np.sin(t * 2 * np.pi * 4 / 30), 8 * np.cos(t * 2 * np.pi * 3 / 30)])


def two_depths(points, t):
    near = (np.arange(len(points)) % 2)[:, None]
    return points + np.where(near, (6.0 * t, 0), (2.0 * t, 0))


def still(points, t):
    return points


@pytest.mark.parametrize(
    ("path", "kind"),
    [(pan, "pan"), (zoom, "zoom"), (rotate, "rotate"), (shake, "shake"), (two_depths, "parallax"), (still, "static")],
)
def test_every_kind_of_camera_motion_is_told_from_the_others(path, kind):
    assert kind in CAMERAS
    assert motion_of(path, noise_px=0.2).kind == kind


@pytest.mark.parametrize("path", [pan, zoom, rotate, shake])
def test_the_speed_is_the_median_over_time_of_the_median_over_points(path):
    steps = [np.linalg.norm(path(grid(), t + 1) - path(grid(), t), axis=1) for t in range(T - 1)]
    truth = np.median([np.median(step) for step in steps]) * 30 / W
    assert motion_of(path).motion == pytest.approx(truth, rel=0.01)


def test_noise_of_the_tracker_is_no_motion_and_no_parallax():
    assert motion_of(still, noise_px=0.2).motion < 0.03
    assert motion_of(pan, noise_px=0.2).parallax == pytest.approx(0, abs=0.02)


def test_parallax_is_the_share_that_one_homography_leaves():
    # One layer is explained; the other half of the points is left with the difference of the speeds.
    assert motion_of(two_depths).parallax == pytest.approx(((6 - 2) / 2) / ((6 + 2) / 2), abs=0.12)


def test_parallax_falls_with_the_depth_between_the_layers():
    def path(points, t):
        near = (np.arange(len(points)) % 2)[:, None]
        return points + np.where(near, (4.4 * t, 0), (4.0 * t, 0))

    assert motion_of(path).parallax < 0.1
    assert motion_of(path).kind == "pan"


def test_a_few_stray_points_do_not_change_the_verdict():
    run = run_of(pan)
    run.xy_NT2[:12] = np.random.default_rng(1).uniform(0, H, run.xy_NT2[:12].shape)
    motion = camera_motion([run], W, H, FPS)
    assert motion.kind == "pan"
    assert motion.motion == pytest.approx(4.0 * 30 / W, rel=0.01)
    assert motion.parallax < 0.05


def test_a_pan_there_and_slowly_back_is_no_shake():
    def path(points, t):
        return points + np.array([4.0 * min(t, 2 * 60 - t), 0])

    assert motion_of(path).kind == "pan"


def test_too_few_points_leave_the_motion_unknown():
    motion = camera_motion([run_of(pan, grid()[:7])], W, H, FPS)
    assert motion == CameraMotion("unknown", None, None, 0.0)
    assert camera_motion([], W, H, FPS).kind == "unknown"


def test_the_share_of_time_with_enough_points_is_reported():
    run = run_of(pan)
    run.seen_NT[:, 45:] = False
    motion = camera_motion([run], W, H, FPS)
    assert motion.tracked == pytest.approx(44 / 89)
    assert motion.motion == pytest.approx(4.0 * 30 / W, rel=0.01)


def test_short_runs_say_the_same_as_one_long_run():
    whole = run_of(pan)
    runs = [PointRun(whole.xy_NT2[:, s : s + 6], whole.seen_NT[:, s : s + 6], s) for s in (0, 30, 60)]
    short, long = camera_motion(runs, W, H, FPS), camera_motion([whole], W, H, FPS)
    assert short.kind == long.kind
    assert short.motion == pytest.approx(long.motion)


NOBODY: dict[int, np.ndarray] = {}


def seen(pictures, boxes=NOBODY, fps: Fraction = FPS) -> CameraMotion:
    frames = clip_of(pictures, fps).frames
    return camera_motion(background_bursts(frames, boxes), frames.width, frames.height, frames.fps)


@pytest.mark.parametrize("share_of_width", [0.002, 0.01, 0.05])
def test_bursts_measure_pans_from_slow_to_a_twentieth_of_the_width_per_frame(share_of_width):
    motion = seen(panning(share_of_width * WIDTH))
    assert motion.kind == "pan"
    assert motion.motion == pytest.approx(share_of_width * 30, rel=0.05)
    assert motion.tracked == 1


def test_bursts_measure_in_real_time_whatever_the_frame_rate():
    motion = seen(panning(4, frames=32), fps=Fraction(16))
    assert motion.motion == pytest.approx(4 * 16 / WIDTH, rel=0.05)


def turning(angle_deg: float, scale: float) -> list[np.ndarray]:
    centre = (WIDTH, HEIGHT)
    maps = []
    for t in range(45):
        m = cv2.getRotationMatrix2D(centre, angle_deg * t, scale**t)
        m[:, 2] -= (WIDTH / 2, HEIGHT / 2)
        maps.append(m)
    return maps


@pytest.mark.parametrize(("angle", "scale", "kind"), [(0.6, 1.0, "rotate"), (0.0, 1.012, "zoom")])
def test_bursts_see_rotation_and_zoom(angle, scale, kind):
    assert seen(seen_through(ground(2 * HEIGHT, 2 * WIDTH), turning(angle, scale))).kind == kind


def test_bursts_see_two_depth_layers_as_parallax():
    far, near = panning(1.5, seed=1), panning(6, seed=2)
    stripes = (np.arange(HEIGHT) // 45 % 2).astype(bool)
    assert seen([np.where(stripes[:, None, None], n, f) for f, n in zip(far, near, strict=True)]).kind == "parallax"


def test_a_moving_person_is_not_the_background():
    still_ground, passer = ground(), panning(8, seed=3)
    pictures = []
    for picture in passer:
        scene = still_ground.copy()
        scene[10:170, 40:290] = picture[10:170, 40:290]
        pictures.append(scene)
    assert seen(pictures).motion > 0.5
    box = np.array([[60, 30, 270, 150]], np.float32)  # a box of joints, smaller than the person
    hidden = seen(pictures, {20: box})
    assert hidden.motion == pytest.approx(0, abs=0.01)
    assert hidden.kind == "static"


def test_a_picture_without_texture_has_no_known_motion():
    flat = seen([np.full((HEIGHT, WIDTH, 3), 90, np.uint8)] * 45)
    assert (flat.kind, flat.motion, flat.tracked) == ("unknown", None, 0)
