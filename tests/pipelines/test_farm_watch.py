"""What a batch says while it is made."""

from __future__ import annotations

from pipelines.farm.tally import Tally
from pipelines.farm.watch import line


def test_before_the_first_worker_is_ready_the_model_is_being_loaded() -> None:
    tally = Tally(jobs=3, earlier=1, clips_left=8)
    assert line(tally) == "1/3 videos done, loading the model"
    tally.workers = 1
    assert "loading" not in line(tally) and "1 worker" in line(tally)


def test_a_batch_that_is_done_loads_nothing() -> None:
    assert "loading" not in line(Tally(jobs=3, earlier=3, clips_left=0))
