from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.annotators.base import TrackedPerson
from models.annotators.blazepose import BlazePose
from models.annotators.blazepose.roi import Roi
from models.annotators.pixels import rgb_frame
from models.annotators.rle import decode_mask
from schemas.config import PoseConfig
from schemas.records import Frames
from schemas.skeletons import BLAZEPOSE_33
from tests.conftest import SampleVideos
from tests.models.footage import frames_of, load, no_frames, shifted


def share_with_person(blazepose: BlazePose, path: Path, count: int, step: int) -> float:
    frames = load(path, count, step=step)
    return float(np.mean([len(blazepose.detect(rgb_frame(frames, i))) > 0 for i in range(len(frames))]))


@pytest.mark.parametrize(
    "name", ["soccer_juggle_static.mp4", "tennis_serve_near_static.mp4", "figure_skater_fast_pan.mp4"]
)
def test_a_single_person_is_detected_in_nearly_every_picture(
    blazepose: BlazePose, sample_videos: SampleVideos, name: str
) -> None:
    assert share_with_person(blazepose, sample_videos.path(name), count=8, step=10) == 1


@pytest.mark.parametrize(
    ("name", "step"), [("bear_walk_slow_pan_no_person.mp4", 8), ("slides_text_long_no_person.mp4", 25)]
)
def test_hardly_anybody_is_detected_where_there_is_nobody(
    blazepose: BlazePose, sample_videos: SampleVideos, name: str, step: int
) -> None:
    assert share_with_person(blazepose, sample_videos.path(name), count=10, step=step) <= 0.1


def test_a_detection_boxes_the_person(blazepose: BlazePose, jumper: Frames) -> None:
    found = blazepose.detect(rgb_frame(jumper, 0))
    assert found
    x0, y0, x1, y1 = found[0].box_xyxy
    assert 290 < (x0 + x1) / 2 < 370
    assert y0 < 100 < 180 < y1 < 260
    assert found[0].presence > 0.9


def test_the_jumper_is_followed_all_along_as_the_main_person(
    jumper: Frames, jumper_persons: tuple[TrackedPerson, ...]
) -> None:
    pose = jumper_persons[0].pose
    assert pose.present_T.mean() > 0.95
    hips = pose.xy_TJ2[pose.present_T][:, [23, 24]].mean(1)
    assert np.ptp(hips[:, 0]) < 0.05 * jumper.width
    assert np.ptp(hips[:, 1]) > 0.03 * jumper.height


def test_joints_lie_on_the_persons_own_mask(jumper_persons: tuple[TrackedPerson, ...]) -> None:
    person = jumper_persons[0]
    assert person.mask is not None
    body = [BLAZEPOSE_33.index(f"{side}_{part}") for side in ("left", "right") for part in ("shoulder", "hip", "knee")]
    inside = []
    for frame in np.flatnonzero(person.pose.present_T):
        mask = decode_mask(person.mask, int(frame))
        x, y = np.rint(person.pose.xy_TJ2[frame, body]).astype(int).T
        inside.append(mask[y.clip(0, mask.shape[0] - 1), x.clip(0, mask.shape[1] - 1)])
    assert np.mean(inside) > 0.85


def test_arrays_are_on_the_clips_clock(jumper: Frames, jumper_persons: tuple[TrackedPerson, ...]) -> None:
    for person in jumper_persons:
        assert person.pose.skeleton == BLAZEPOSE_33.name
        assert person.pose.xy_TJ2.shape == (len(jumper), 33, 2)
        assert person.pose.confidence_TJ.shape == (len(jumper), 33)
        assert np.array_equal(np.isnan(person.pose.xy_TJ2).any((1, 2)), ~person.pose.present_T)
        assert (person.pose.confidence_TJ[~person.pose.present_T] == 0).all()
        assert person.mask is not None
        assert len(person.mask.rle) == len(person.mask.area_px) == len(jumper)
        assert all(a == 0 for a, there in zip(person.mask.area_px, person.pose.present_T, strict=True) if not there)


def test_the_same_clip_gives_the_same_answer(blazepose: BlazePose, jumper: Frames) -> None:
    short = frames_of(jumper.yuv_THW[:4], jumper.fps)
    first, second = blazepose.annotate(short), blazepose.annotate(short)
    assert [p.mask for p in first] == [p.mask for p in second]
    assert all(np.array_equal(a.pose.xy_TJ2, b.pose.xy_TJ2) for a, b in zip(first, second, strict=True))


def test_a_shifted_clip_gives_shifted_joints(blazepose: BlazePose, jumper: Frames) -> None:
    short = frames_of(jumper.yuv_THW[:5], jumper.fps)
    here, there = blazepose.annotate(short)[0], blazepose.annotate(shifted(short, 40, 20))[0]
    apart = there.pose.xy_TJ2 - here.pose.xy_TJ2
    assert np.abs(np.median(apart, axis=(0, 1)) - [40, 20]).max() < 2


def test_a_clip_of_one_frame_is_annotated(blazepose: BlazePose, jumper: Frames) -> None:
    persons = blazepose.annotate(frames_of(jumper.yuv_THW[:1], jumper.fps))
    assert len(persons) == 1
    assert persons[0].pose.present_T.tolist() == [True]


def test_no_frames_and_empty_pictures_have_no_persons(blazepose: BlazePose) -> None:
    grey = frames_of(np.full((3, 180, 160), 128, np.uint8))
    assert blazepose.annotate(no_frames()) == ()
    assert blazepose.annotate(grey) == ()


def test_one_person_is_followed_if_one_is_asked_for(jumper: Frames) -> None:
    frames = frames_of(jumper.yuv_THW[-6:], jumper.fps / 6)
    assert len(BlazePose(PoseConfig(max_persons=1)).annotate(frames)) == 1


def test_poses_without_masks_are_the_poses_made_with_them(
    jumper: Frames, jumper_persons: tuple[TrackedPerson, ...]
) -> None:
    alone = BlazePose(PoseConfig(), masks=False).annotate(jumper)
    assert [person.mask for person in alone] == [None] * len(jumper_persons)
    for one, both in zip(alone, jumper_persons, strict=True):
        np.testing.assert_array_equal(one.pose.xy_TJ2, both.pose.xy_TJ2)


def test_a_region_on_the_way_to_another_turns_the_shorter_way() -> None:
    near, far = Roi((0.0, 10.0), 100.0, 3.0), Roi((40.0, 10.0), 200.0, -3.0)
    halfway = near.towards(far, 0.5)
    assert (halfway.center_xy, halfway.size) == ((20.0, 10.0), 150.0)
    assert halfway.angle == pytest.approx(np.pi)
    assert near.towards(far, 0.0) == near
