from __future__ import annotations

import numpy as np
import pytest

from schemas.records import Pose
from schemas.skeletons import SKELETONS
from tests.models.optional import needs
from transforms.rasterising.openpose import draw_body, draw_face, draw_hand, draw_openpose

HEIGHT, WIDTH = 240, 320


def places(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.uniform((0, 0), (WIDTH, HEIGHT), (count, 2)).astype(np.float32)


@needs("controlnet_aux", "torchvision", "matplotlib")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(5))
def test_body_hands_and_face_are_drawn_as_controlnet_aux_draws_the_same_points(seed: int) -> None:
    from controlnet_aux.open_pose import util
    from controlnet_aux.open_pose.body import Keypoint

    rng = np.random.default_rng(seed)

    def theirs(draw, xy: np.ndarray, shown: np.ndarray | None = None) -> np.ndarray:
        points = [Keypoint(x / WIDTH, y / HEIGHT) for x, y in xy.astype(np.float64)]
        if shown is not None:
            points = [point if seen else None for point, seen in zip(points, shown, strict=True)]
        return draw(np.zeros((HEIGHT, WIDTH, 3), np.uint8), points)

    def ours(draw, xy: np.ndarray, shown: np.ndarray) -> np.ndarray:
        canvas = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        draw(canvas, xy, shown)
        return canvas

    body, shown = places(rng, 18), rng.random(18) < 0.8
    assert np.array_equal(ours(draw_body, body, shown), theirs(util.draw_bodypose, body, shown))
    every = np.ones(68, np.bool_)
    hand, face = places(rng, 21), places(rng, 68)
    assert np.array_equal(ours(draw_hand, hand, every[:21]), theirs(util.draw_handpose, hand))
    assert np.array_equal(ours(draw_face, face, every), theirs(util.draw_facepose, face))


@pytest.mark.parametrize("skeleton", SKELETONS)
def test_every_skeleton_gives_the_control_image_of_its_body(skeleton: str) -> None:
    rng = np.random.default_rng(3)
    body = dict(zip(SKELETONS["coco_17"].joints, places(rng, 17), strict=True))
    joints = SKELETONS[skeleton].joints
    xy = np.array([body.get(joint, (np.nan, np.nan)) for joint in joints], np.float32)[None]
    pose = Pose(xy, np.ones((1, len(joints)), np.float32), np.ones(1, np.bool_), skeleton)
    picture = draw_openpose([pose], 0, HEIGHT, WIDTH)
    elbow = np.rint(body["left_elbow"]).astype(int)
    reference = Pose(places(rng, 17)[None], np.ones((1, 17), np.float32), np.ones(1, np.bool_), "coco_17")
    reference.xy_TJ2[0] = np.array([body[joint] for joint in SKELETONS["coco_17"].joints])
    if skeleton in ("openpose_18", "openpose_25"):  # their neck is a joint of its own, missing here
        assert picture[elbow[1].clip(0, HEIGHT - 1), elbow[0].clip(0, WIDTH - 1)].any()
    else:
        assert np.array_equal(picture, draw_openpose([reference], 0, HEIGHT, WIDTH))


def test_absent_persons_and_unsure_joints_are_not_drawn() -> None:
    xy, confidence = np.full((2, 17, 2), 100, np.float32), np.ones((2, 17), np.float32)
    confidence[1] = 0.1
    pose = Pose(xy, confidence, np.array([False, True]), "coco_17")
    assert not draw_openpose([pose], 0, HEIGHT, WIDTH).any()
    assert not draw_openpose([pose], 1, HEIGHT, WIDTH).any()
