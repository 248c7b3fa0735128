"""The torch renderer shows what the CPU renderer shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from transforms.synthesis.atlas import pack
from transforms.synthesis.drawing import SceneSettings, draw_scene
from transforms.synthesis.render import pictures

SETTINGS = SceneSettings(size=64, frames=2, people=(1, 2))


def test_an_atlas_holds_every_picture_apart() -> None:
    scene = draw_scene((1,), SETTINGS)
    atlas, place_K4 = pack(scene.pictures, scene.mirrored_K)
    taken = np.zeros(atlas.shape[:2], int)
    for picture, (x, y, w, h) in zip(scene.pictures, place_K4, strict=True):
        np.testing.assert_array_equal(atlas[y : y + h, x : x + w], picture)
        taken[y - 1 : y + h + 1, x - 1 : x + w + 1] += 1
    assert taken.max() == 1


def test_a_batch_equals_the_scenes_rendered_one_by_one() -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    from transforms.synthesis.render_torch import render_batch

    cameras = ("static", "pan", "zoom", "rotate", "shake", "parallax")
    scenes = [draw_scene((seed,), replace(SETTINGS, camera=camera)) for seed, camera in enumerate(cameras)]
    assert len({scene.moments for scene in scenes}) > 1
    batch = render_batch(scenes)
    for b, scene in enumerate(scenes):
        for frame, (rgba, label) in enumerate(pictures(scene)):
            seen = batch.rgb_BT3HW[b, frame].permute(1, 2, 0).numpy() * 255
            error = np.abs(seen - rgba[..., :3])
            assert error.mean() < 0.6
            assert error.max() < 6
            assert (batch.labels_BTHW[b, frame].numpy() == label).mean() > 0.9995


def test_scenes_of_different_sizes_are_no_batch() -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    from transforms.synthesis.render_torch import render_batch

    with pytest.raises(ValueError, match="one size"):
        render_batch([draw_scene((1,), SETTINGS), draw_scene((1,), replace(SETTINGS, size=96))])


def test_videos_are_those_of_the_cpu_renderer_with_its_grain_in_the_order_asked_for() -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    from transforms.pixels import rgb
    from transforms.synthesis.render import render
    from transforms.synthesis.video_torch import videos

    drawn = [draw_scene((seed,), replace(SETTINGS, frames=2 + seed % 2)) for seed in range(4)]
    scenes = [replace(scene, grain=grain) for scene, grain in zip(drawn, (2.0, 0.0, 6.0, 0.0), strict=True)]
    for scene, (frames, labels) in zip(scenes, videos(scenes, "cpu"), strict=True):
        pictures_yuv, wanted = render(scene)
        assert (labels == wanted).mean() > 0.9995
        seen = frames.permute(0, 2, 3, 1).numpy()
        error = np.abs(seen - np.stack([rgb(pictures_yuv, t) for t in range(scene.frames)]))
        assert seen.shape == (scene.frames, 64, 64, 3)
        assert error.mean() < 0.8 and error.max() <= 8
    grainless = next(videos([replace(scenes[2], grain=0.0)], "cpu"))[0]
    assert 2 < float((grainless - list(videos(scenes, "cpu"))[2][0]).std()) < 8
