"""Annotations of synthetic scenes agree with the pixels, measured independently of how they were made."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from models.annotators.rle import decode_mask
from schemas.arrays import U8
from schemas.records import Tracks
from schemas.skeletons import BLAZEPOSE_33
from transforms.synthesis.drawing import CAMERA_SHARES, SceneSettings, draw_scene
from transforms.synthesis.render import pictures, render
from transforms.synthesis.scene import BACKGROUND, Scene
from transforms.synthesis.truth import annotate_scene, background_tracks

SETTINGS = SceneSettings(size=192, frames=10)


def sharp(scene: Scene) -> Scene:
    """The scene without blur, grain and changes of light."""
    middle = scene.moments // 2
    return replace(
        scene,
        transform_KTS33=scene.transform_KTS33[:, :, middle : middle + 1],
        gain_T3=np.ones_like(scene.gain_T3),
        grain=0.0,
    )


def coverage(scene: Scene, white: list[int]) -> np.ndarray:
    """(T, H, W) 0..1: how much of each pixel shows one of the elements, everything else being black."""
    painted = []
    for k, picture in enumerate(scene.pictures):
        alpha = picture[..., 3:]
        painted.append(np.concatenate([alpha * (k in white)] * 3 + [alpha], -1).astype(np.uint8))
    scene = replace(scene, pictures=tuple(painted))
    return np.stack([rgba[..., 0].copy() for rgba, _ in pictures(scene)]) / 255


def grey(scene: Scene) -> list[U8]:
    frames, _ = render(scene)
    return [np.ascontiguousarray(luma) for luma in frames.luma_THW]


def homography_residual(tracks: Tracks, a: int, b: int) -> float:
    """Largest px by which one homography misses points between two frames, all of them taken into the fit."""
    both = (np.abs(tracks.xy_NT2[:, [a, b]]) < 500).all(axis=(1, 2))
    before, after = tracks.xy_NT2[both, a].astype(np.float64), tracks.xy_NT2[both, b].astype(np.float64)
    matrix, _ = cv2.findHomography(before, after, 0)
    fitted = cv2.perspectiveTransform(before[:, None], matrix)[:, 0]
    return float(np.abs(fitted - after).max())


@pytest.mark.parametrize("camera", CAMERA_SHARES)
def test_the_picture_around_a_point_moves_with_it(camera: str) -> None:
    """Lucas-Kanade, started at the true place, stays about there, and strays to no side."""
    scene = sharp(draw_scene((11,), replace(SETTINGS, camera=camera)))
    tracks, luma = annotate_scene(scene, render(scene)[1]).tracks, grey(scene)
    strayed = []
    for a, b in ((0, 2), (4, 7)):
        seen = tracks.visible_NT[:, a] & tracks.visible_NT[:, b]
        start, truth = tracks.xy_NT2[seen, a][:, None], tracks.xy_NT2[seen, b][:, None]
        found, ok, _ = cv2.calcOpticalFlowPyrLK(
            luma[a], luma[b], start, truth.copy(), winSize=(13, 13), maxLevel=0, flags=cv2.OPTFLOW_USE_INITIAL_FLOW
        )
        strayed.append((found - truth)[ok[..., 0] == 1])
    error_N2 = np.concatenate(strayed)
    assert len(error_N2) > 300
    assert np.abs(np.median(error_N2, axis=0)).max() < 0.04
    assert np.median(np.linalg.norm(error_N2, axis=-1)) < 0.2


def test_a_place_on_the_wall_is_where_the_map_says_to_a_hundredth_of_a_pixel() -> None:
    scene = sharp(draw_scene((4,), replace(SETTINGS, camera="zoom")))
    height, width = scene.pictures[0].shape[:2]
    dot_uv = np.array([width * 0.5, height * 0.48])
    y, x = np.mgrid[:height, :width]
    blob = 255 * np.exp(-((x - dot_uv[0]) ** 2 + (y - dot_uv[1]) ** 2) / 18)
    picture = np.dstack([blob, blob, blob, np.full_like(blob, 255)]).round().astype(np.uint8)
    only_wall = replace(
        scene,
        pictures=(picture, *scene.pictures[1:]),
        shown_KT=scene.shown_KT & (np.arange(len(scene.kinds)) == 0)[:, None],
    )
    for frame, (rgba, _) in enumerate(pictures(only_wall)):
        weight = rgba[..., 0].astype(float)
        rows, columns = np.mgrid[: scene.size, : scene.size]
        centroid = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
        mapped = scene.maps_KT33[0, frame] @ [*dot_uv, 1]
        np.testing.assert_allclose(centroid, mapped[:2] / mapped[2], atol=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_a_mask_is_what_can_be_seen_of_the_person(seed: int) -> None:
    scene = sharp(draw_scene((seed, 5), replace(SETTINGS, people=(2, 2))))
    _, labels_THW = render(scene)
    masks = [person.mask for person in annotate_scene(scene, labels_THW).persons]
    shown = [coverage(scene, np.flatnonzero(scene.person_K == person).tolist()) for person in (0, 1)]
    shown.sort(key=lambda share: -(share > 0.5).sum())
    for mask, share in zip(masks, shown, strict=True):
        inside = np.stack([decode_mask(mask, frame) for frame in range(scene.frames)])
        assert inside.sum(axis=(1, 2)).tolist() == list(mask.area_px)
        assert inside[share > 0.6].all()
        assert (inside & (share > 0.5)).sum() > 0.98 * (inside | (share > 0.5)).sum()


def test_without_its_puppets_a_scene_differs_under_the_masks_alone() -> None:
    scene = sharp(draw_scene((8,), SETTINGS))
    shadows = np.array([kind == "shadow" for kind in scene.kinds])
    scene = replace(scene, shown_KT=scene.shown_KT & ~shadows[:, None])
    bare = replace(scene, shown_KT=scene.shown_KT & (scene.person_K < 0)[:, None])
    annotation = annotate_scene(scene, render(scene)[1])
    for frame, ((with_puppets, _), (without, _)) in enumerate(
        zip(((p.copy(), 0) for p, _ in pictures(scene)), pictures(bare), strict=True)
    ):
        union = np.any([decode_mask(person.mask, frame) for person in annotation.persons], axis=0)
        near = cv2.dilate(union.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
        differs = (with_puppets != without).any(axis=-1)
        assert not (differs & ~near).any()
        assert differs[union].mean() > 0.97


@pytest.mark.parametrize("seed", range(3))
def test_a_joint_is_visible_where_its_own_limb_can_be_seen(seed: int) -> None:
    scene = sharp(draw_scene((seed, 9), replace(SETTINGS, people=(2, 2), frames=4)))
    annotation = annotate_scene(scene, render(scene)[1])
    by_joints = {person.pose.xy_TJ2.tobytes(): person for person in annotation.persons}
    checked = 0
    for puppet in scene.puppets:
        person = by_joints[puppet.joints_TJ2.astype(np.float32).tobytes()]
        for joint in ("left_wrist", "right_wrist", "left_knee", "right_elbow", "left_ankle"):
            j = BLAZEPOSE_33.index(joint)
            share_THW = coverage(scene, list(puppet.carriers[j]))
            for frame in range(scene.frames):
                x, y = np.floor(puppet.joints_TJ2[frame, j] + 0.5).astype(int)
                inside = 0 <= x < scene.size and 0 <= y < scene.size
                share = share_THW[frame, y, x] if inside else 0.0
                visible = person.pose.confidence_TJ[frame, j] == 1
                if share > 0.8 or share < 0.2:
                    assert visible == (share > 0.5)
                    checked += 1
    assert checked > 20


@pytest.mark.parametrize("seed", range(5))
def test_visible_joints_lie_in_the_mask_of_their_person(seed: int) -> None:
    scene = draw_scene((seed, 3), replace(SETTINGS, people=(1, 2)))
    for person in annotate_scene(scene, render(scene)[1]).persons:
        for frame, j in np.argwhere(person.pose.confidence_TJ == 1):
            x, y = np.floor(person.pose.xy_TJ2[frame, j] + 0.5).astype(int)
            assert decode_mask(person.mask, frame)[y, x]


def test_a_face_turned_away_is_not_visible() -> None:
    nose = BLAZEPOSE_33.index("nose")
    seen = {True: 0, False: 0}
    for seed in range(16):
        scene = draw_scene((seed,), SceneSettings(size=64, frames=2, people=(1, 1)))
        puppet, labels_THW = scene.puppets[0], render(scene)[1]
        for person in annotate_scene(scene, labels_THW).persons:
            visible_T = person.pose.confidence_TJ[:, nose] == 1
            assert not (visible_T & ~puppet.facing_TJ[:, nose]).any()
            seen[bool(puppet.facing_TJ[0, nose])] += 1
    assert seen[True]
    assert seen[False]


@pytest.mark.parametrize("seed", range(6))
def test_points_are_chosen_on_the_ground_and_seen_where_nothing_covers_them(seed: int) -> None:
    scene = draw_scene((seed, 21), replace(SETTINGS, size=96))
    _, labels_THW = render(scene)
    tracks = background_tracks(scene, labels_THW)
    points = np.arange(len(tracks.query_frame_N))
    assert len(points) > 100
    assert set(tracks.query_frame_N.tolist()) == {0, 3, 6}
    assert tracks.visible_NT[points, tracks.query_frame_N].all()
    assert not (tracks.visible_NT & tracks.on_person_NT).any()
    assert np.isfinite(tracks.xy_NT2).all()
    place = np.floor(tracks.xy_NT2 + 0.5)
    outside = ((place < 0) | (place >= scene.size)).any(-1)
    assert not (outside & (tracks.visible_NT | tracks.on_person_NT)).any()
    ground = np.flatnonzero(np.isin(scene.kinds, BACKGROUND))
    for n, frame in zip(*np.nonzero(tracks.visible_NT), strict=True):
        x, y = place[n, frame].astype(int)
        assert labels_THW[frame, y, x] in ground


def test_a_point_behind_a_person_is_flagged_and_comes_back_to_the_same_ground() -> None:
    hidden = 0
    for seed in range(6):
        scene = draw_scene((seed, 2), SceneSettings(size=96, frames=24, camera="static", people=(2, 2)))
        tracks = background_tracks(scene, render(scene)[1])
        assert np.abs(tracks.xy_NT2 - tracks.xy_NT2[:, :1]).max() < 1e-3
        inside = ((tracks.xy_NT2 > 0) & (tracks.xy_NT2 < 95)).all(-1)
        hidden += (tracks.on_person_NT & inside).sum()
        shadows_nothing = scene.kinds.count("object") == 0
        if shadows_nothing:
            assert (tracks.visible_NT | tracks.on_person_NT)[inside].all()
    assert hidden > 20


@pytest.mark.parametrize("camera", ["pan", "zoom", "rotate", "shake"])
def test_a_camera_that_stays_in_place_moves_all_ground_by_one_homography(camera: str) -> None:
    for seed in range(3):
        scene = draw_scene((seed, 1), replace(SETTINGS, camera=camera, frames=24))
        tracks = background_tracks(scene, render(scene)[1])
        assert homography_residual(tracks, 0, 23) < 0.05
        assert np.abs(tracks.xy_NT2[:, 23] - tracks.xy_NT2[:, 0]).max() > 1


def test_a_camera_that_travels_shows_parallax() -> None:
    residuals = []
    for seed in range(4):
        scene = draw_scene((seed, 1), replace(SETTINGS, camera="parallax", frames=48))
        residuals.append(homography_residual(background_tracks(scene, render(scene)[1]), 0, 47))
    assert np.median(residuals) > 3


def test_blur_leaves_the_annotation_alone() -> None:
    seed = next(s for s in range(30) if draw_scene((s,), SETTINGS).moments > 1)
    scene = draw_scene((seed,), SETTINGS)
    crisp = sharp(scene)
    blurred = replace(crisp, transform_KTS33=scene.transform_KTS33)
    np.testing.assert_array_equal(render(blurred)[1], render(crisp)[1])
    moving = [np.abs(np.diff(luma.astype(float), axis=1)).mean() for luma in (grey(blurred)[5], grey(crisp)[5])]
    assert moving[0] < moving[1]
