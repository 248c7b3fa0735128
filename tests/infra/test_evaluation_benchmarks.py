"""The benchmarks of `evaluate` run, and tell what they should."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from infra.benchmarks.evaluate_tracks import pairs, summary  # noqa: E402
from infra.benchmarks.generator_evaluation import COPY, TRUE, compare, table  # noqa: E402
from infra.benchmarks.warp_quality import make_truth  # noqa: E402
from models.annotators.factory import create_pose  # noqa: E402
from pipelines.render_card import WARP  # noqa: E402
from schemas.config import Config  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_right_tracks_are_told_from_wrong_ones() -> None:
    found = list(pairs(make_truth(3, 64, 8), create_pose(Config(), 1)))
    told = summary(found)
    assert told["pairs"] == 3
    assert told["median ratio, right"] < 0.5 < told["median ratio, wrong"]


def test_the_warp_is_nearer_to_the_truth_than_a_copied_picture(tmp_path: Path) -> None:
    found = compare(tmp_path, 2, 64, 0.5, (TRUE, COPY, WARP))
    means = {name: {s.metric.name: s.mean for s in done.summaries} for name, done in found.items()}
    assert not any(done.failures for done in found.values())
    assert means[TRUE]["psnr"] > 38 and means[TRUE]["psnr"] > means[WARP]["psnr"] > means[COPY]["psnr"]
    assert means[WARP]["track_error"] < means[COPY]["track_error"]
    lines = table(found)
    assert lines[0].split() == ["true", "copy", "warp", "better"]
    assert any(line.startswith("disco_ssim") for line in lines)
    again = compare(tmp_path, 2, 64, 0.5, (TRUE, COPY, WARP))
    assert table(again) == lines
