"""Synthetic windows rendered in torch, as on a GPU, are those that OpenCV renders."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("accelerate", reason="training needs accelerate")

from pipelines.training.build import build_source  # noqa: E402
from pipelines.training.mix import read_mix  # noqa: E402
from pipelines.training.pool import build_pool  # noqa: E402
from pipelines.training.sources import CorpusSource, MixedSource, SyntheticSource  # noqa: E402
from pipelines.training.synthetic import SyntheticWindows  # noqa: E402
from pipelines.training_data.dataset import Share  # noqa: E402
from tests.pipelines.test_training_data import make_corpus  # noqa: E402
from tests.pipelines.training.tiny_stage import stage  # noqa: E402
from transforms.synthesis import video_torch  # noqa: E402

CPU = torch.device("cpu")
SIZE, FRAMES = 32, 4


@pytest.fixture(scope="module")
def pairs():
    """The same windows by OpenCV and by torch."""
    by_opencv, in_torch = (SyntheticWindows(5, SIZE, FRAMES, 2, device) for device in (None, CPU))
    return list(zip(by_opencv.windows(range(10)), in_torch.windows(range(10)), strict=True))


def test_pictures_differ_by_rounding_alone(pairs):
    for one, other in pairs:
        for name in ("frames_BW3HW", "other_B3HW"):
            error = (getattr(one, name) - getattr(other, name)).abs() * 127.5
            assert 0 < error.mean() < 0.8
            assert error.max() <= 6


def test_figures_poses_and_points_are_the_same_but_for_a_pixel_at_an_edge(pairs):
    alike = 0
    for one, other in pairs:
        assert (one.figure_BW1HW != other.figure_BW1HW).float().mean() < 1e-3
        torch.testing.assert_close(one.pose_BWJ2, other.pose_BWJ2, equal_nan=True)
        for a, b in zip(one.points, other.points, strict=True):
            assert a.xy_BTN2.shape == b.xy_BTN2.shape
            if torch.equal(a.ids_BN, b.ids_BN):
                alike += 1
                assert torch.equal(a.xy_BTN2, b.xy_BTN2)
                assert (a.visible_BTN == b.visible_BTN).float().mean() > 0.98
    assert alike >= 14


def test_a_window_is_the_same_alone_and_among_others(pairs, monkeypatch):
    windows = SyntheticWindows(5, SIZE, FRAMES, 2, CPU)
    monkeypatch.setattr(video_torch, "_AT_ONCE_PX", 1)
    for number in (3, 7):
        alone, among = windows.windows([number])[0], pairs[number][1]
        assert torch.equal(alone.frames_BW3HW, among.frames_BW3HW)
        assert torch.equal(alone.figure_BW1HW, among.figure_BW1HW)


def test_a_gpu_renders_itself_and_other_devices_leave_it_to_opencv():
    (synthetic, mixed), (here, _) = (
        [build_source(read_mix(texts), stage(), 0, torch.device(name)) for texts in (["synthetic"], ["synthetic", "a"])]
        for name in ("cuda", "cpu")
    )
    assert synthetic.device == mixed.synthetic.device == torch.device("cuda")
    assert here.device is None


def test_a_mix_and_a_pool_take_windows_rendered_in_torch(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("pipelines.training.sources._SHARD_BATCH", 2)
    monkeypatch.setattr("pipelines.training.sources._SHARD_BATCHES", 1)
    corpora = CorpusSource((Share(make_corpus(tmp_path / "corpus", range(2))),), 7, 16, 3, 0)
    source = MixedSource(SyntheticSource(7, 16, 3, CPU), corpora, 0.5)
    batch = next(source.batches(1, 6, 0))
    plain = next(MixedSource(SyntheticSource(7, 16, 3), corpora, 0.5).batches(1, 6, 0))
    apart = [float((a - b).abs().mean()) for a, b in zip(batch.frames_BW3HW, plain.frames_BW3HW, strict=True)]
    assert 0 in apart and any(0 < error < 0.01 for error in apart) and max(apart) < 0.01
    assert len(build_pool(tmp_path / "pool", 1, source)) == 2
