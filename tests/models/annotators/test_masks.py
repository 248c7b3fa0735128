from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.annotators.base import MaskAnnotator, TrackedPerson
from models.annotators.factory import create_masks
from models.annotators.rle import decode_mask
from schemas.config import Config, MasksConfig
from schemas.records import Frames
from tests.models.footage import frames_of, no_frames


@pytest.fixture(scope="module", params=["blazepose", "selfie"])
def annotator(request: pytest.FixtureRequest) -> MaskAnnotator:
    return create_masks(Config(masks=MasksConfig(annotator=request.param)))


@pytest.fixture(scope="module")
def clip(jumper: Frames, jumper_persons: tuple[TrackedPerson, ...]) -> tuple[Frames, tuple[TrackedPerson, ...]]:
    """The jumper alone, six frames."""
    person = jumper_persons[0]
    assert person.mask is not None
    pose = replace(
        person.pose,
        xy_TJ2=person.pose.xy_TJ2[:6],
        confidence_TJ=person.pose.confidence_TJ[:6],
        present_T=person.pose.present_T[:6],
    )
    mask = replace(person.mask, rle=person.mask.rle[:6], area_px=person.mask.area_px[:6])
    return frames_of(jumper.yuv_THW[:6], jumper.fps), (TrackedPerson(pose, mask),)


def test_masks_are_on_the_clips_clock_and_size(
    annotator: MaskAnnotator, clip: tuple[Frames, tuple[TrackedPerson, ...]]
) -> None:
    frames, persons = clip
    masks = annotator.annotate(frames, persons)
    assert len(masks) == len(persons)
    for mask in masks:
        assert (mask.width, mask.height) == (frames.width, frames.height)
        assert len(mask.rle) == len(frames)
        assert [int(decode_mask(mask, t).sum()) for t in range(len(frames))] == list(mask.area_px)


def test_the_mask_covers_the_trunk_and_little_else(
    annotator: MaskAnnotator, clip: tuple[Frames, tuple[TrackedPerson, ...]]
) -> None:
    frames, persons = clip
    (mask,) = annotator.annotate(frames, persons)
    pose = persons[0].pose
    for t in np.flatnonzero(pose.present_T):
        picture = decode_mask(mask, int(t))
        x, y = np.rint(pose.xy_TJ2[t, [11, 12, 23, 24]].mean(0)).astype(int)
        assert picture[y, x]
        assert 0.003 < picture.mean() < 0.06


def test_masks_are_the_same_twice(annotator: MaskAnnotator, clip: tuple[Frames, tuple[TrackedPerson, ...]]) -> None:
    assert annotator.annotate(*clip) == annotator.annotate(*clip)


def test_nobody_has_no_mask(annotator: MaskAnnotator, jumper: Frames) -> None:
    assert annotator.annotate(jumper, ()) == ()
    assert annotator.annotate(no_frames(), ()) == ()


def test_a_person_that_is_absent_has_an_empty_mask(clip: tuple[Frames, tuple[TrackedPerson, ...]]) -> None:
    frames, (person,) = clip
    gone = replace(person.pose, present_T=np.zeros(len(frames), np.bool_))
    (mask,) = create_masks(Config(masks=MasksConfig(annotator="selfie"))).annotate(frames, (TrackedPerson(gone, None),))
    assert set(mask.area_px) == {0}


def test_blazepose_masks_of_foreign_persons_are_refused(clip: tuple[Frames, tuple[TrackedPerson, ...]]) -> None:
    frames, (person,) = clip
    with pytest.raises(ValueError, match="blazepose pose annotator"):
        create_masks(Config()).annotate(frames, (TrackedPerson(person.pose, None),))
