from __future__ import annotations

import numpy as np

from models.annotators.blazepose.smoothing import smooth

FPS, SIZE = 30.0, 400.0


def steady(xy: np.ndarray, present: np.ndarray | None = None, confidence: float = 0.95) -> np.ndarray:
    present = np.ones(len(xy), np.bool_) if present is None else present
    shape = (len(xy), 1)
    return smooth(
        xy[:, None].astype(np.float32),
        np.full(shape, confidence, np.float32),
        present,
        np.full(len(xy), SIZE, np.float32),
        FPS,
    )[:, 0]


def lag_frames(truth: np.ndarray, smoothed: np.ndarray) -> float:
    """Delay of one signal against another, frames, from their errors and the truth's speed."""
    speed = np.gradient(truth[:, 0])
    return float(-np.sum((smoothed - truth)[:, 0] * speed) / np.sum(speed**2))


def swing(hertz: float, reach_px: float) -> np.ndarray:
    t = np.arange(120) / FPS
    return np.stack([300 + reach_px * np.sin(2 * np.pi * hertz * t), 200 + 20 * t], axis=1)


def test_a_still_joint_jitters_much_less() -> None:
    truth = np.tile([300.0, 200.0], (120, 1))
    noisy = truth + np.random.default_rng(0).normal(0, 1.5, truth.shape)
    assert np.std(steady(noisy) - truth) < 0.6 * np.std(noisy - truth)


def test_a_moving_joint_does_not_lag_and_jitters_less() -> None:
    truth = swing(hertz=1.0, reach_px=60)
    noisy = truth + np.random.default_rng(1).normal(0, 1.5, truth.shape)
    smoothed = steady(noisy)
    assert abs(lag_frames(truth, smoothed)) < 0.05
    assert np.std(smoothed - truth) < 0.7 * np.std(noisy - truth)


def test_a_fast_swing_keeps_its_reach() -> None:
    truth = swing(hertz=2.5, reach_px=60)
    assert np.ptp(steady(truth)[10:-10, 0]) > 0.97 * np.ptp(truth[10:-10, 0])


def test_a_sudden_step_stays_where_it_is() -> None:
    truth = np.where(np.arange(60)[:, None] < 30, [100.0, 100.0], [220.0, 100.0])
    assert np.abs(steady(truth) - truth).max() < 4


def test_absent_frames_stay_absent_and_do_not_spread() -> None:
    truth = swing(hertz=1.0, reach_px=30)
    present = np.ones(len(truth), np.bool_)
    present[50:58] = False
    seen = np.where(present[:, None], truth, np.nan)
    smoothed = steady(seen, present)
    assert np.isnan(smoothed[~present]).all()
    assert np.abs(smoothed[present] - truth[present]).max() < 1


def test_single_frames_come_back_unchanged() -> None:
    truth = np.array([[10.0, 20.0]])
    assert np.array_equal(steady(truth), truth.astype(np.float32))
