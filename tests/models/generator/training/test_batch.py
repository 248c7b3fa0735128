"""The batch that training is fed."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from models.generator.training.batch import ClipPoints, TrainingBatch, collate  # noqa: E402
from schemas.errors import ConfigError  # noqa: E402

FRAMES, SIZE = 4, 8


def window(points: int, clips: int = 2) -> TrainingBatch:
    frames = clips * (FRAMES - 1) + 1
    driven = ClipPoints(
        torch.rand(1, FRAMES, points, 2), torch.ones(1, FRAMES, points, dtype=torch.bool), torch.arange(points)[None]
    )
    return TrainingBatch(
        frames_BW3HW=torch.rand(1, frames, 3, SIZE, SIZE),
        figure_BW1HW=torch.ones(1, frames, 1, SIZE, SIZE),
        people_BW1HW=torch.ones(1, frames, 1, SIZE, SIZE),
        pose_BWJ2=torch.rand(1, frames, 33, 2),
        confidence_BWJ=torch.ones(1, frames, 33),
        points=(driven,) * clips,
        other_B3HW=torch.rand(1, 3, SIZE, SIZE),
        skeleton="blazepose_33",
    )


def test_windows_with_different_numbers_of_points_share_a_batch_filled_up_with_points_nobody_sees():
    batch = collate([window(3), window(0), window(5)])
    batch.check()
    for points in batch.points:
        assert points.xy_BTN2.shape == (3, FRAMES, 5, 2)
        assert points.visible_BTN.sum((1, 2)).tolist() == [3 * FRAMES, 0, 5 * FRAMES]
        assert points.ids_BN[0].tolist() == [0, 1, 2, -1, -1]


def test_neighbouring_clips_share_a_frame():
    batch = window(2)
    frames = torch.arange(batch.frames_BW3HW.shape[1])
    first, second = (frames[batch.clip_slice(clip)] for clip in range(2))
    assert len(first) == len(second) == FRAMES
    assert first[-1] == second[0]


def test_a_window_of_the_wrong_length_is_refused_by_name():
    batch = window(2)
    with pytest.raises(ConfigError, match=r"pose_BWJ2 is \(1, 6, 33, 2\), not \(1, 7, 33, 2\)"):
        replace(batch, pose_BWJ2=batch.pose_BWJ2[:, 1:]).check()
