"""Scenes: what a seed decides, and what the arrays promise."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import cv2
import numpy as np
import pytest

from schemas.config import MediaConfig
from schemas.errors import ConfigError
from schemas.scores import CAMERAS
from transforms.encoding.h264 import encode_h264
from transforms.pixels import rgb
from transforms.synthesis import textures
from transforms.synthesis.drawing import CAMERA_SHARES, SceneSettings, draw_scene
from transforms.synthesis.photos import PhotoFolder
from transforms.synthesis.render import render
from transforms.synthesis.scene import Scene

SMALL = SceneSettings(size=96, frames=5, people=(1, 3))


def arrays(scene: Scene) -> list[np.ndarray]:
    joints = [puppet.joints_TJ2 for puppet in scene.puppets]
    return [*scene.pictures, scene.transform_KTS33, scene.order_TK, scene.shown_KT, scene.gain_T3, *joints]


def test_equal_seeds_give_equal_scenes() -> None:
    first, second = draw_scene((7, 1), SMALL), draw_scene((7, 1), SMALL)
    assert first.kinds == second.kinds
    for a, b in zip(arrays(first), arrays(second), strict=True):
        np.testing.assert_array_equal(a, b)


def test_other_seeds_share_no_texture_and_no_motion() -> None:
    scenes = [draw_scene((7, index), SMALL) for index in range(6)]
    walls = {scene.pictures[0].tobytes() for scene in scenes}
    motions = {scene.puppets[0].joints_TJ2.tobytes() for scene in scenes}
    assert len(walls) == len(motions) == 6


@pytest.mark.parametrize("seed", range(12))
def test_arrays_of_any_scene_agree_and_are_finite(seed: int) -> None:
    scene = draw_scene((seed,), SMALL)
    elements, moments = len(scene.pictures), scene.moments
    assert moments in (1, 3, 5)
    assert elements == len(scene.kinds) == len(scene.person_K) == len(scene.mirrored_K)
    assert elements < 255
    assert scene.transform_KTS33.shape == (elements, 5, moments, 3, 3)
    assert np.isfinite(scene.transform_KTS33).all()
    np.testing.assert_array_equal(np.sort(scene.order_TK, axis=1), np.broadcast_to(np.arange(elements), (5, elements)))
    assert all(p.dtype == np.uint8 and p.ndim == 3 and (p[..., :3] <= p[..., 3:]).all() for p in scene.pictures)
    assert 1 <= len(scene.puppets) <= 3
    assert set(scene.person_K.tolist()) == {-1, *range(len(scene.puppets))}
    assert scene.camera in CAMERAS
    for puppet in scene.puppets:
        assert puppet.joints_TJ2.shape == (5, 33, 2)
        assert np.isfinite(puppet.joints_TJ2).all()


def test_every_pixel_of_every_frame_is_filled() -> None:
    for seed in range(6):
        scene = draw_scene((seed,), SMALL)
        _, labels_THW = render(scene)
        assert labels_THW.max() < len(scene.pictures)
        assert (scene.order_TK[:, 0] == 0).all()
        assert scene.mirrored_K[0]


def test_frames_come_on_the_clock_asked_for() -> None:
    scene = draw_scene((3,), SceneSettings(size=64, frames=7, fps=Fraction(30000, 1001)))
    frames, labels_THW = render(scene)
    assert frames.yuv_THW.shape == (7, 96, 64)
    assert labels_THW.shape == (7, 64, 64)
    assert frames.fps == Fraction(30000, 1001) == 1 / frames.time_base


@pytest.mark.parametrize("camera", CAMERA_SHARES)
def test_the_camera_asked_for_is_drawn(camera: str) -> None:
    assert draw_scene((5,), SceneSettings(size=64, frames=3, camera=camera)).camera == camera


def test_the_number_of_people_stays_within_its_bounds() -> None:
    counts = {len(draw_scene((s,), SceneSettings(size=64, frames=2, people=(2, 3))).puppets) for s in range(12)}
    assert counts == {2, 3}


def test_a_person_near_another_hides_it_and_never_the_other_way() -> None:
    scene = draw_scene((2,), SceneSettings(size=128, frames=4, people=(2, 2)))
    first_of_order = [scene.person_K[row] for row in scene.order_TK]
    for persons in first_of_order:
        run = [p for p in persons.tolist() if p >= 0]
        assert sum(a != b for a, b in pairwise(run)) == 1


@pytest.mark.parametrize("maker", dict.fromkeys([*textures.WALLS, *textures.FLOORS, textures.sky]))
def test_textures_have_detail_everywhere(maker: textures.Maker) -> None:
    picture = maker(np.random.default_rng(4), 160, 224)
    assert picture.shape == (160, 224, 3)
    assert picture.dtype == np.uint8
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    blocks = grey[:160, :224].reshape(5, 32, 7, 32).std(axis=(1, 3))
    assert blocks.min() > 1.0
    assert grey.std() > 8


def test_photographs_fill_the_far_background(tmp_path) -> None:
    red = np.zeros((40, 30, 3), np.uint8)
    red[..., 2] = 200
    cv2.imwrite(str(tmp_path / "red.png"), red)
    scene = draw_scene((1,), SceneSettings(size=64, frames=2, photograph=PhotoFolder.at(tmp_path)))
    np.testing.assert_array_equal(scene.pictures[0][..., :3].reshape(-1, 3).mean(0), [200, 0, 0])


def test_videos_serve_as_photographs(tmp_path) -> None:
    frames, _ = render(draw_scene((3,), SMALL))
    (tmp_path / "street.mp4").write_bytes(encode_h264(frames, MediaConfig()).video)
    picture = PhotoFolder.at(tmp_path)(np.random.default_rng(1), 70, 130)
    assert picture.shape == (70, 130, 3)
    assert abs(float(picture.mean()) - float(rgb(frames, 0).mean())) < 25


def test_a_folder_without_pictures_and_a_broken_picture_are_refused(tmp_path) -> None:
    with pytest.raises(ConfigError, match="no images"):
        PhotoFolder.at(tmp_path)
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(ConfigError, match=r"broken\.jpg"):
        PhotoFolder.at(tmp_path)(np.random.default_rng(0), 8, 8)
