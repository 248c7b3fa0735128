from __future__ import annotations

import numpy as np

from models.annotators.blazepose.landmarks import Landmarks
from models.annotators.blazepose.masks import encode_persons
from models.annotators.blazepose.roi import Roi
from models.annotators.rle import decode_mask
from schemas.arrays import Bool
from schemas.records import Mask

HEIGHT, WIDTH = 200, 300


def standing_at(x: float, half_width: float) -> Landmarks:
    """A person whose joints lie on the upright line at x and whose mask is a band around it, 100 px high."""
    roi = Roi((x + 0.5, 100.5), 200.0, 0.0)
    soft = np.zeros((256, 256), np.uint8)
    reach = round(half_width * 256 / 200)
    soft[64:192, 128 - reach : 128 + reach] = 255
    joints = np.stack([np.full(33, x), np.linspace(60, 140, 33)], axis=1).astype(np.float32)
    return Landmarks(joints, np.ones(33, np.float32), 1.0, soft, roi, roi)


def masks_of(*persons: Landmarks) -> list[Bool]:
    encoded = encode_persons(dict(enumerate(persons)), HEIGHT, WIDTH)
    return [decode_mask(Mask((rle,), (area,), WIDTH, HEIGHT), 0) for rle, area in encoded.values()]


def test_a_mask_lies_where_its_crop_does() -> None:
    (mask,) = masks_of(standing_at(150, half_width=30))
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    assert np.abs(np.array([rows[0], rows[-1], columns[0], columns[-1]]) - [50, 150, 120, 180]).max() <= 1


def test_a_mask_is_cut_at_the_edge_of_the_picture() -> None:
    (mask,) = masks_of(standing_at(10, half_width=30))
    assert mask[100, 0]
    assert not mask[100, 45]


def test_a_turned_crop_turns_its_mask() -> None:
    upright = standing_at(150, half_width=20)
    roi = Roi(upright.roi.center_xy, upright.roi.size, np.pi / 2)
    (mask,) = masks_of(Landmarks(upright.xy_J2, upright.confidence_J, 1.0, upright.mask_SS, roi, roi))
    assert mask[100, 105] and mask[100, 195]
    assert not mask[60, 150] and not mask[140, 150]


def test_a_pixel_two_persons_claim_goes_to_the_nearer_skeleton() -> None:
    left, right = masks_of(standing_at(120, half_width=50), standing_at(180, half_width=50))
    assert not (left & right).any()
    assert left[100, 140] and not right[100, 140]
    assert right[100, 160] and not left[100, 160]
    assert (left | right)[100, 75:225].all()


def test_a_stray_part_without_a_joint_is_dropped_and_one_with_a_joint_is_kept() -> None:
    person = standing_at(150, half_width=30)
    person.mask_SS[20:26, 20:26] = 255
    person.mask_SS[220:226, 220:226] = 255
    person.xy_J2[0] = [150 + (223 - 128) * 200 / 256, 100 + (223 - 128) * 200 / 256]
    (mask,) = masks_of(person)
    assert not mask[:30, :90].any()
    assert mask[170:180, 220:230].any()
