"""The cost of synthesis is measured on videos that are really made, truth and all."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.benchmarks.synthesis_cost import costs, summary
from pipelines.corpus.read import Corpus
from schemas.errors import ConfigError


def test_every_seeds_videos_are_made_with_their_truth_while_they_are_measured(tmp_path: Path) -> None:
    rows = list(costs([3, 5], 2, tmp_path, size=64, seconds=0.5))
    assert [row.seed for row in rows] == [3, 5]
    for row in rows:
        assert 0 < row.rendered <= row.worst_rendered and row.whole > 0
        read = Corpus(tmp_path / str(row.seed) / "corpus")
        assert len(read.kept_clip_ids()) == len(list((tmp_path / str(row.seed) / "videos").iterdir())) == 2
        assert all(clip.arrays().frames_THW3.shape == (12, 64, 64, 3) for clip in read.clips())


def test_impossible_settings_are_refused_before_anything_is_measured(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="even and at least 64"):
        next(costs([3], 1, tmp_path, size=63))


def test_costs_are_told_as_multiples_of_real_time() -> None:
    assert summary("rendered", [0.25, 0.75], 2.0).split() == (
        ["rendered", "0.500", "±0.250:", "2.00", "x", "real", "time;", "dearest", "video", "2.000:", "0.50", "x"]
    )
