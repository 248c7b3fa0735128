"""What every annotator of a kind must do, whatever network is behind it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.annotators.rle import decode_mask
from pipelines.annotate import AnnotateClips
from pipelines.evaluate_annotators import AssessClip
from schemas.config import Config
from schemas.records import Mask
from tests.conformance.annotator_cases import (
    CREATE,
    MASKS,
    PAN,
    POSES,
    TRACKS,
    Case,
    annotated_once,
    nobody,
    people,
)
from tests.models.annotators.tiny.held import networks_of
from tests.models.footage import frames_of, halved, no_frames, scene
from tests.models.optional import needs
from transforms.annotation.stage import Annotate

pytestmark = pytest.mark.filterwarnings("ignore")
HERE, THERE, LARGE = (110.0, 128.0, 1.0), (150.0, 120.0, 1.0), (220.0, 256.0, 2.0)


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Case, str], Any]]:
    def build(case: Case, kind: str) -> Any:
        case.prepare(tmp_path, monkeypatch)
        return CREATE[kind](case.config)

    yield build


@pytest.mark.parametrize("case", POSES)
class TestPoses:
    def test_poses_are_on_the_clock_absent_where_nobody_is_and_the_same_twice(self, case: Case, make: Any) -> None:
        annotator = make(case, "poses")
        frames = case.video([[HERE], [], [HERE]])
        first, second = annotator.annotate(frames), annotator.annotate(frames)
        (person,) = first
        assert person.pose.xy_TJ2.shape[0] == person.pose.confidence_TJ.shape[0] == 3
        assert person.pose.present_T[0] and not person.pose.present_T[1]
        assert np.isnan(person.pose.xy_TJ2[1]).all() and not person.pose.confidence_TJ[1].any()
        assert ((person.pose.confidence_TJ >= 0) & (person.pose.confidence_TJ <= 1)).all()
        assert np.array_equal(person.pose.xy_TJ2, second[0].pose.xy_TJ2, equal_nan=True)
        assert annotator.identity.name == case.name
        assert len(annotator.identity.weights_sha256) == 64

    def test_a_shifted_or_scaled_picture_gives_shifted_or_scaled_joints(self, case: Case, make: Any) -> None:
        annotator = make(case, "poses")

        def joints(place: tuple[float, float, float], height: int = 256, width: int = 320) -> np.ndarray:
            return annotator.annotate(case.video([[place]], height, width))[0].pose.xy_TJ2[0]

        here = joints(HERE)
        assert np.nanmedian(np.abs(joints(THERE) - here - (40, -8))) <= case.shift_px
        assert np.nanmedian(np.abs(joints(LARGE, 512, 640) - 2 * here)) <= 2 * case.shift_px + 1

    def test_two_persons_are_two_and_no_frames_are_nobody(self, case: Case, make: Any) -> None:
        annotator = make(case, "poses")
        assert annotator.annotate(no_frames()) == ()
        assert annotator.annotate(case.video([[]])) == ()
        if not case.several:
            return
        found = annotator.annotate(case.video([[(70, 128, 1.0), (240, 128, 0.9)]] * 2))
        assert len(found) == 2
        centres = sorted(float(np.nanmedian(person.pose.xy_TJ2[0, :, 0])) for person in found)
        assert centres == pytest.approx([70, 240], abs=30)


@pytest.mark.parametrize("case", MASKS)
class TestMasks:
    def test_masks_are_on_the_clock_empty_where_nobody_is_and_the_same_twice(self, case: Case, make: Any) -> None:
        annotator = make(case, "masks")
        frames = case.video([[HERE], [], [HERE]])
        persons = people(case, frames)
        (mask,) = annotator.annotate(frames, persons)
        assert annotator.annotate(frames, persons) == (mask,)
        assert (len(mask.rle), mask.width, mask.height) == (3, 320, 256)
        present = np.flatnonzero(persons[0].pose.present_T).tolist()
        assert 0 in present and 1 not in present
        assert np.flatnonzero(mask.area_px).tolist() == present
        assert all(0.02 < mask.area_px[t] / (320 * 256) < 0.9 for t in present)
        assert [int(decode_mask(mask, t).sum()) for t in range(3)] == list(mask.area_px)
        assert annotator.identity.name == case.name and len(annotator.identity.weights_sha256) == 64

    def test_no_persons_have_no_masks_and_no_frames_empty_ones(self, case: Case, make: Any) -> None:
        annotator, frames = make(case, "masks"), no_frames()
        size = (frames.width, frames.height)
        assert annotator.annotate(case.video([[HERE]]), ()) == ()
        assert annotator.annotate(frames, ()) == ()
        assert annotator.annotate(frames, (nobody(*size),)) == (Mask((), (), *size),)

    def test_a_moved_person_gives_a_mask_moved_alike(self, case: Case, make: Any) -> None:
        annotator = make(case, "masks")
        if case.paint is not None:
            case.paint(annotator)
        videos = case.video([[HERE]]), case.video([[THERE]])
        here, there = (decode_mask(annotator.annotate(video, people(case, video))[0], 0) for video in videos)
        assert np.abs(np.argwhere(here).mean(0)[::-1] - HERE[:2]).max() < 25
        moved = np.roll(here, (-8, 40), (0, 1))
        assert (moved & there).sum() / (moved | there).sum() > 0.8

    def test_one_mask_a_person_in_the_order_given_and_no_pixel_twice(self, case: Case, make: Any) -> None:
        annotator = make(case, "masks")
        left, right = (70, 128, 1.0), (240, 128, 0.9)
        frames = case.video([[left, right]])
        persons = people(case, case.video([[left]]), case.video([[right]]))
        masks = annotator.annotate(frames, persons)
        assert len(masks) == len(persons) == 2
        assert not (decode_mask(masks[0], 0) & decode_mask(masks[1], 0)).any()
        assert annotator.annotate(frames, persons[::-1])[0].area_px == pytest.approx(masks[1].area_px, rel=0.02)

    def test_a_scaled_picture_gives_a_scaled_mask(self, case: Case, make: Any) -> None:
        annotator = make(case, "masks")
        videos = case.video([[HERE]]), case.video([[LARGE]], 512, 640)
        small, large = (annotator.annotate(video, people(case, video))[0] for video in videos)
        assert len(small.rle) == len(large.rle) == 1
        assert np.mean(decode_mask(large, 0)[::2, ::2] != decode_mask(small, 0)) < 0.05
        if case.trained:
            assert large.area_px[0] == pytest.approx(4 * small.area_px[0], rel=0.2)


@pytest.mark.parametrize("case", TRACKS)
class TestTracks:
    def test_tracks_are_on_the_clock_stick_to_the_ground_and_are_the_same_twice(self, case: Case, make: Any) -> None:
        annotator = make(case, "tracks")
        clip = scene(PAN, 4, occluder=True)
        first, second = annotator.annotate(*clip), annotator.annotate(*clip)
        count = len(first.query_frame_N)
        assert count >= 8
        assert first.xy_NT2.shape == (count, 4, 2)
        assert first.visible_NT.shape == first.on_person_NT.shape == (count, 4)
        assert np.isfinite(first.xy_NT2).all()
        assert first.visible_NT[np.arange(count), first.query_frame_N].all()
        assert not (first.visible_NT & first.on_person_NT).any()
        steps = np.diff(first.xy_NT2, axis=1)[first.visible_NT[:, 1:] & first.visible_NT[:, :-1]]
        assert len(steps)
        if case.trained:
            assert np.abs(np.median(steps, axis=0) - (-4, 2)).max() <= case.shift_px / 2
        assert np.array_equal(first.xy_NT2, second.xy_NT2)
        assert np.array_equal(first.visible_NT, second.visible_NT)
        assert annotator.identity.name == case.name

    def test_points_of_a_picture_half_as_large_move_half_as_far(self, case: Case, make: Any) -> None:
        annotator = make(case, "tracks")
        large, _ = scene(PAN, 4)
        queries = np.array([[0, 200, 100], [0, 420, 240]], np.float32)
        whole, half = (
            annotator.follow(frames, (), query)
            for frames, query in ((large, queries), (halved(large), queries * (1, 0.5, 0.5)))
        )
        both = whole.visible_NT & half.visible_NT
        assert both.any(1).all()
        if case.trained:
            assert np.abs(half.xy_NT2 - whole.xy_NT2 / 2)[both].max() <= case.shift_px / 2

    def test_one_frame_no_frames_and_no_texture_are_no_error(self, case: Case, make: Any) -> None:
        annotator = make(case, "tracks")
        frames, _ = scene(PAN, 1)
        assert annotator.annotate(frames, ()).visible_NT.all()
        assert annotator.annotate(no_frames(), ()).xy_NT2.shape == (0, 0, 2)
        assert annotator.annotate(frames_of(np.full((2, 540, 640), 128, np.uint8)), ()).xy_NT2.shape == (0, 2, 2)


@pytest.mark.parametrize(
    ("kind", "case"),
    [pytest.param(kind, *p.values, id=f"{kind}-{p.id}", marks=p.marks)
     for kind, cases in (("poses", POSES), ("masks", MASKS), ("tracks", TRACKS)) for p in cases],
)  # fmt: skip
def test_the_networks_of_an_annotator_are_freed_with_it(kind: str, case: Case, make: Any) -> None:
    annotator = make(case, kind)
    annotated_once(annotator, case, kind)
    held = [weakref.ref(thing) for thing in (annotator, *networks_of(annotator))]
    assert len(held) > case.networks
    del annotator
    gc.collect()
    assert [type(left()) for left in held if left() is not None] == []


@needs("torch")
@pytest.mark.parametrize(
    "stage",
    [Annotate(Config()), AnnotateClips("c", Config(), "poses"), AssessClip("c", Config(), ("poses",))],
    ids=lambda stage: type(stage).__name__,
)
def test_stages_that_annotate_give_a_gpu_its_memory_back(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    given_back: list[bool] = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: given_back.append(True))
    stage.teardown()
    assert given_back == [True]
