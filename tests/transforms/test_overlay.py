from __future__ import annotations

import numpy as np
import pytest

from models.annotators.rle import encode_mask
from schemas.records import Annotation, Annotator, Mask, PersonAnnotation, Pose, Tracks
from transforms.overlay.draw import JOINT_SHOWN, draw_annotation, point_colours
from transforms.overlay.sheet import contact_sheet, shelved

HEIGHT, WIDTH, FRAMES, JOINTS = 120, 160, 4, 33


def annotation(confidence: float = 1.0, present: bool = True, visible: bool = True) -> Annotation:
    region = np.zeros((HEIGHT, WIDTH), bool)
    region[40:80, 20:60] = True
    counts, area = encode_mask(region)
    mask = Mask((counts,) * FRAMES, (area,) * FRAMES, WIDTH, HEIGHT)
    xy = np.full((FRAMES, JOINTS, 2), np.nan if not present else 30, np.float32)
    xy[..., 1] += np.linspace(0, 30, JOINTS)
    pose = Pose(xy, np.full((FRAMES, JOINTS), confidence, np.float32), np.full(FRAMES, present), "blazepose_33")
    path = np.stack([np.arange(FRAMES) * 3 + 120, np.full(FRAMES, 20)], -1).astype(np.float32)[None]
    shown = np.full((1, FRAMES), visible)
    tracks = Tracks(path, shown, np.zeros((1, FRAMES), bool), np.zeros(1, np.int32))
    made_by = Annotator("drawn")
    return Annotation((PersonAnnotation(pose, mask),), tracks, made_by, made_by, made_by)


def changed(annotated: Annotation, frame: int = 3) -> np.ndarray:
    plain = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
    return np.any(draw_annotation(plain, annotated, frame) != plain, axis=-1)


def test_the_mask_is_tinted_where_it_is_and_the_frame_itself_is_left_alone() -> None:
    plain = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
    drawn = draw_annotation(plain, annotation(confidence=0, visible=False), 0)
    assert np.all(np.any(drawn[41:79, 21:59] != 100, axis=-1))
    assert np.all(drawn[:30] == 100)
    assert np.all(plain == 100)


def test_a_point_is_drawn_where_it_is_with_a_trail_of_where_it_was() -> None:
    touched = changed(annotation(confidence=0))[10:30, 110:150]
    columns = np.flatnonzero(touched.any(axis=0)) + 110
    assert columns.min() <= 121
    assert columns.max() >= 129


def test_hidden_points_are_not_drawn() -> None:
    assert not changed(annotation(confidence=0, visible=False))[:30].any()


def test_joints_that_are_hardly_seen_or_not_found_are_not_drawn() -> None:
    sure, unsure = changed(annotation(1.0)), changed(annotation(JOINT_SHOWN - 0.01))
    assert sure[30:40].any()
    assert not unsure[28:38].any()
    assert not changed(annotation(present=False))[28:38].any()


def test_points_chosen_in_different_places_have_different_colours() -> None:
    places = np.array([[[10, 10]], [[150, 10]], [[10, 110]]], np.float32)
    shown = np.ones((3, 1), bool)
    tracks = Tracks(places, shown, ~shown, np.zeros(3, np.int32))
    assert len(set(point_colours(tracks, WIDTH, HEIGHT))) == 3


def test_a_contact_sheet_holds_rows_of_different_lengths_and_shapes() -> None:
    wide, tall = np.full((90, 160, 3), 200, np.uint8), np.full((160, 90, 3), 200, np.uint8)
    sheet = contact_sheet([[wide, wide], [tall]], height=45)
    assert sheet.shape == (49, 2 * 80 + 4 + 25 + 4, 3)


def test_narrow_strips_share_a_line_so_that_little_of_the_sheet_is_bare() -> None:
    wide, narrow = np.full((40, 300, 3), 200, np.uint8), np.full((40, 90, 3), 100, np.uint8)
    sheet = shelved([narrow, wide, narrow, narrow, narrow])
    assert sheet.shape == (2 * 44, 4 * 94, 3)
    assert [np.count_nonzero((line == 100).all(axis=2)) / narrow[..., 0].size for line in np.vsplit(sheet, 2)] == [4, 0]


def test_every_strip_is_whole_on_the_sheet_and_lines_are_as_high_as_their_highest() -> None:
    strips = [np.full((height, 50, 3), 50 + height, np.uint8) for height in (20, 30, 25)]
    sheet = shelved([*strips, np.full((10, 110, 3), 200, np.uint8)])
    assert [int((sheet == strip[0, 0]).all(axis=2).sum()) for strip in strips] == [20 * 50, 30 * 50, 25 * 50]
    assert sheet.shape == (34 + 14, 3 * 54, 3)


def test_an_empty_contact_sheet_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([[]])
