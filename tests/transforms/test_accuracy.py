"""Each measure against values worked out by hand, and COCO's against its own code."""

from __future__ import annotations

import numpy as np
import pytest

from models.annotators.rle import encode_mask
from schemas.records import Mask, Pose, Tracks
from transforms.accuracy.agreement import masks_agree, poses_agree, track_distance
from transforms.accuracy.masks import boundary_f, iou, mask_accuracy
from transforms.accuracy.poses import PictureFinds, average_precision, oks, pck, picture_finds, torso_lengths
from transforms.accuracy.tracks import track_accuracy


def tracks_of(xy: list[list[tuple[float, float]]], visible: list[list[int]], query: list[int]) -> Tracks:
    seen = np.array(visible, np.bool_)
    return Tracks(np.array(xy, np.float32), seen, np.zeros_like(seen), np.array(query, np.int32))


class TestTracks:
    def test_the_truth_itself_is_perfect(self) -> None:
        truth = tracks_of([[(0, 0), (1, 0), (2, 0)]], [[1, 1, 0]], [0])
        accuracy = track_accuracy(truth, truth, 256, 256)
        assert accuracy.average_jaccard == accuracy.delta_average == accuracy.occlusion_accuracy == 1
        assert accuracy.visible_precision == 1
        assert accuracy.points == 1

    def test_each_threshold_counts_a_fifth(self) -> None:
        truth = tracks_of([[(0, 0), (0, 0)]], [[1, 1]], [0])
        found = tracks_of([[(0, 0), (3, 0)]], [[1, 1]], [0])  # within 4, 8, 16 px
        accuracy = track_accuracy(found, truth, 256, 256)
        assert accuracy.delta_average == pytest.approx(3 / 5)
        # where it is too far it is a false positive and a miss: 0 of 2; where near: 1 of 1
        assert accuracy.average_jaccard == pytest.approx(3 / 5)

    def test_jaccard_counts_hidden_points_called_visible_and_visible_ones_called_hidden(self) -> None:
        truth = tracks_of([[(0, 0)] * 5], [[1, 1, 1, 1, 0]], [0])
        found = tracks_of([[(0, 0)] * 5], [[1, 1, 1, 0, 1]], [0])
        accuracy = track_accuracy(found, truth, 256, 256)
        # judged are frames 1 to 4: two right, one missed, one false
        assert accuracy.average_jaccard == pytest.approx(2 / 4)
        assert accuracy.delta_average == 1
        assert accuracy.occlusion_accuracy == pytest.approx(2 / 4)
        assert accuracy.visible_precision == pytest.approx(2 / 3)

    def test_only_frames_after_the_query_are_judged_and_pixels_are_those_of_256(self) -> None:
        truth = tracks_of([[(0, 0)] * 3], [[1, 1, 1]], [1])
        found = tracks_of([[(90, 0), (0, 0), (10, 0)]], [[0, 1, 1]], [1])
        assert track_accuracy(found, truth, 512, 256).delta_average == pytest.approx(2 / 5)  # 5 px of 256
        assert track_accuracy(found, truth, 256, 512).delta_average == pytest.approx(1 / 5)  # 10 px

    def test_nothing_to_judge_is_none(self) -> None:
        empty = tracks_of([[(0, 0)]], [[1]], [0])
        assert track_accuracy(empty, empty, 256, 256).average_jaccard is None


def square(x: int, y: int, side: int, size: int = 100) -> np.ndarray:
    mask = np.zeros((size, size), np.bool_)
    mask[y : y + side, x : x + side] = True
    return mask


def mask_of(*frames: np.ndarray) -> Mask:
    rows = [encode_mask(frame) for frame in frames]
    return Mask(tuple(r for r, _ in rows), tuple(a for _, a in rows), frames[0].shape[1], frames[0].shape[0])


class TestMasks:
    def test_intersection_over_union_of_two_squares(self) -> None:
        assert iou(square(0, 0, 10), square(5, 0, 10)) == pytest.approx(50 / 150)
        assert iou(square(0, 0, 0), square(0, 0, 0)) == 1
        assert iou(square(0, 0, 0), square(5, 0, 10)) == 0

    def test_a_boundary_within_the_tolerance_is_right_and_one_beyond_is_wrong(self) -> None:
        # the tolerance is 0.8 % of the diagonal: 1 px of a picture of 100 px
        assert boundary_f(square(40, 40, 20), square(41, 40, 20)) == 1
        assert boundary_f(square(10, 10, 20), square(60, 60, 20)) == 0
        shifted = boundary_f(square(40, 40, 20), square(43, 40, 20))
        assert 0.3 < shifted < 0.7
        assert boundary_f(square(0, 0, 0), square(0, 0, 0)) == 1
        assert boundary_f(square(0, 0, 0), square(4, 4, 9)) == 0

    def test_frames_in_which_the_truth_is_empty_do_not_count(self) -> None:
        nothing = square(0, 0, 0)
        accuracy = mask_accuracy(mask_of(square(0, 0, 10), square(9, 9, 9)), mask_of(square(5, 0, 10), nothing))
        assert accuracy is not None
        assert accuracy[0] == pytest.approx(1 / 3)
        assert mask_accuracy(mask_of(nothing), mask_of(nothing)) is None


def body(x: float = 0, y: float = 0, frames: int = 1) -> Pose:
    """COCO joints of somebody whose torso is 50 px long."""
    xy = np.zeros((frames, 17, 2), np.float32) + np.array([x, y], np.float32)
    xy[:, [11, 12], 1] += 50
    xy[:, [13, 14, 15, 16], 1] += 90
    return Pose(xy, np.ones((frames, 17), np.float32), np.ones(frames, np.bool_), "coco_17")


class TestPoses:
    def test_joints_count_within_a_share_of_the_torso(self) -> None:
        truth, found = body(), body()
        assert torso_lengths(truth).tolist() == [50]
        found.xy_TJ2[0, 0, 0] += 11  # the nose, by 0.22 of the torso
        found.xy_TJ2[0, 1, 0] += 6
        assert pck(found, truth, 0.2) == pytest.approx(16 / 17)
        assert pck(found, truth, 0.1) == pytest.approx(15 / 17)

    def test_hidden_joints_are_not_asked_for_and_missing_ones_are_wrong(self) -> None:
        truth, found = body(), body()
        truth.confidence_TJ[0, :7] = 0
        found.xy_TJ2[0, 16] = np.nan
        assert pck(found, truth, 0.2) == pytest.approx(9 / 10)
        truth.confidence_TJ[:] = 0
        assert pck(found, truth, 0.2) is None

    def test_similarity_of_keypoints_by_hand(self) -> None:
        truth = body().xy_TJ2[0]
        seen = np.zeros(17, np.bool_)
        seen[[0, 5]] = True
        moved = truth.copy()
        moved[5, 0] += 10  # shoulder: sigma 0.079, area 2500: exp(-100 / (2 * 2500 * 0.158 ** 2))
        assert oks(moved, truth, seen, 2500) == pytest.approx((1 + np.exp(-100 / (2 * 2500 * 0.158**2))) / 2)
        assert oks(truth, truth, seen, 2500) == 1
        assert oks(np.full_like(truth, np.nan), truth, seen, 2500) == 0

    def test_average_precision_of_one_right_one_false_and_one_missed_person(self) -> None:
        right, false = (1.0,), (0.0,)
        assert average_precision([PictureFinds((0.9,), (right,), 1)]) == 1
        # a surer false find halves the precision at every recall
        assert average_precision([PictureFinds((0.9, 0.95), (right, false), 1)]) == pytest.approx(0.5)
        # of two persons one is found: precision 1 up to recall 0.5, that is at 51 of 101 recalls
        assert average_precision([PictureFinds((0.9,), ((1.0, 0.0),), 2)]) == pytest.approx(51 / 101)
        assert average_precision([PictureFinds((0.9,), ((0.72,),), 1)]) == pytest.approx(5 / 10)  # .50 to .70
        assert average_precision([PictureFinds((0.9,), ((),), 0)]) is None

    def test_average_precision_is_that_of_cocos_own_code(self) -> None:
        rng = np.random.default_rng(0)
        truths, finds, pictures = [], [], []
        for picture in range(12):
            people = [body(*rng.uniform(0, 400, 2)) for _ in range(rng.integers(1, 4))]
            found = []
            for person in people:
                if rng.random() < 0.8:
                    xy = person.xy_TJ2 + rng.normal(0, rng.choice([1, 4, 9]), person.xy_TJ2.shape)
                    sure = np.full((1, 17), rng.uniform(0.2, 1), np.float32)
                    found.append(Pose(xy.astype(np.float32), sure, np.ones(1, np.bool_), "coco_17"))
            if rng.random() < 0.4:
                found.append(
                    Pose(body(900, 900).xy_TJ2, np.full((1, 17), 0.5, np.float32), np.ones(1, np.bool_), "coco_17")
                )
            pictures.append(picture_finds(found, people, [4000.0] * len(people), 0))
            for person in people:
                truths.append(
                    coco_entry(picture, person, len(truths) + 1) | {"area": 4000.0, "iscrowd": 0, "num_keypoints": 17}
                )
            finds += [coco_entry(picture, p, 0) | {"score": float(p.confidence_TJ.mean())} for p in found]
        assert average_precision(pictures) == pytest.approx(coco_ap(truths, finds, 12), abs=1e-6)


def coco_entry(picture: int, pose: Pose, number: int) -> dict:
    points = np.column_stack([pose.xy_TJ2[0], np.full(17, 2)])
    return {"image_id": picture, "category_id": 1, "id": number, "keypoints": points.astype(float).ravel().tolist(),
            "bbox": [0, 0, 1000, 1000]}  # fmt: skip


def coco_ap(truths: list[dict], finds: list[dict], pictures: int) -> float:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth = COCO()
    truth.dataset = {
        "images": [{"id": i} for i in range(pictures)], "annotations": truths,
        "categories": [{"id": 1, "name": "person"}],
    }  # fmt: skip
    truth.createIndex()
    evaluation = COCOeval(truth, truth.loadRes(finds), "keypoints")
    evaluation.evaluate()
    evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, 0, 0, 0]
    return float(precision[precision > -1].mean())


class TestAgreement:
    def test_equal_annotations_agree_and_those_of_other_persons_are_not_compared(self) -> None:
        assert poses_agree({0: body()}, {0: body(), 1: body(300)}) == 1
        assert poses_agree({0: body()}, {1: body()}) is None
        assert masks_agree({0: mask_of(square(0, 0, 10))}, {0: mask_of(square(5, 0, 10))}) == pytest.approx(1 / 3)

    def test_tracks_are_compared_by_the_ways_of_neighbours(self) -> None:
        a = tracks_of([[(50, 50), (52, 50), (54, 50)]], [[1, 1, 1]], [0])
        b = tracks_of([[(51, 50), (53, 50), (57, 50)], [(90, 90)] * 3], [[1, 1, 1], [1, 1, 1]], [0, 0])
        # differences of the ways: 0, 0 and 2 px
        assert track_distance(a, b, 100, 100) == 0
        assert track_distance(b, a, 100, 100) == 0
        c = tracks_of([[(51, 50), (55, 50), (59, 50)]], [[1, 1, 1]], [0])  # 0, 2, 4 px
        assert track_distance(a, c, 100, 100) == pytest.approx(0.02)
        far = tracks_of([[(90, 90)] * 3], [[1, 1, 1]], [0])
        assert track_distance(a, far, 100, 100) is None
