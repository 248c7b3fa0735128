"""The local engine deals GPUs out to its workers. The GPUs here are names alone: workers tell what they see."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from pipelines.chain import gpu_need
from pipelines.curate import CurationStages, curation_stages
from pipelines.engines.local.engine import LocalEngine, processors
from pipelines.engines.local.gpus import visible_gpus
from pipelines.job import GpuNeed
from schemas.config import ComputeConfig, Config, MasksConfig, TracksConfig
from schemas.outcomes import Kept
from tests.pipelines.engine_stages import Square
from tests.pipelines.gpu_stages import Sees, SeesHalf, SeesWithout

TWO = ("5", "MIG-7")


def seen(engine: LocalEngine, stage: Sees, items: list[str]) -> dict[str, tuple[int, str | None]]:
    """Process id and visible GPUs of the worker of each item."""
    outcomes = list(engine.map((stage,), items))
    assert all(isinstance(outcome, Kept) for outcome in outcomes), outcomes
    return {item: (pid, gpu) for item, pid, gpu in (outcome.item for outcome in outcomes)}


def test_there_are_as_many_workers_as_gpus_and_each_sees_its_own_alone(tmp_path: Path) -> None:
    with closing(LocalEngine(gpus=TWO)) as engine:
        found = seen(engine, Sees(tmp_path, together=2), ["a", "b", "c"])
        assert engine.workers == 2
    assert len(set(found.values())) == len({pid for pid, _ in found.values()}) == 2
    assert {gpu for _, gpu in found.values()} == set(TWO)


def test_workers_that_need_a_part_of_a_gpu_share_it(tmp_path: Path) -> None:
    with closing(LocalEngine(gpus=TWO)) as engine:
        found = seen(engine, SeesHalf(tmp_path, together=4), ["a", "b", "c", "d"])
        assert engine.workers == 4
    assert Counter(gpu for _, gpu in found.values()) == {"5": 2, "MIG-7": 2}


def test_more_workers_than_gpus_are_had_by_asking(tmp_path: Path) -> None:
    with closing(LocalEngine(workers=3, gpus=TWO)) as engine:
        found = seen(engine, Sees(tmp_path, together=3), ["a", "b", "c"])
    assert sorted(Counter(gpu for _, gpu in found.values()).values()) == [1, 2]


def test_the_successor_of_a_worker_that_died_has_its_gpu(tmp_path: Path) -> None:
    with closing(LocalEngine(gpus=TWO)) as engine:
        found = seen(engine, Sees(tmp_path, together=2), ["hold", "kill"])
    assert {gpu for _, gpu in found.values()} == set(TWO)


def test_a_gpu_that_is_named_by_number_is_not_hidden_and_has_one_worker(tmp_path: Path) -> None:
    with closing(LocalEngine(gpus=TWO)) as engine:
        found = seen(engine, Sees(tmp_path, number=1), ["a", "b"])
        assert engine.workers == 1
    assert {gpu for _, gpu in found.values()} == {os.environ.get("CUDA_VISIBLE_DEVICES")}


def test_a_worker_without_a_gpu_is_not_taken_for_one_with_a_gpu_nor_the_other_way_round(tmp_path: Path) -> None:
    with closing(LocalEngine(workers=1, gpus=("5",))) as engine:
        (before,) = seen(engine, SeesWithout(tmp_path), ["a"]).values()
        (on_gpu,) = seen(engine, Sees(tmp_path), ["b"]).values()
        assert on_gpu[1] == "5" != before[1]
        assert seen(engine, Sees(tmp_path), ["c"]) == {"c": on_gpu}
        assert seen(engine, SeesWithout(tmp_path), ["d"]) == {"d": before}


def test_gpus_are_no_limit_to_work_that_needs_none() -> None:
    with closing(LocalEngine(gpus=("5",))) as engine:
        assert [outcome.item for outcome in engine.map((Square(),), [3])] == [9]
        assert engine.workers == max(1, processors() // 2)


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "cpu"])
@pytest.mark.parametrize("masks", ["blazepose", "segment_anything"])
def test_what_curation_needs_is_known_without_its_stages(device: str, masks: str) -> None:
    config = Config(masks=MasksConfig(annotator=masks), compute=ComputeConfig(device=device))
    need = gpu_need(CurationStages(config))
    assert need == gpu_need(curation_stages(config))
    on_gpu = masks == "segment_anything" and device != "cpu"
    assert need == (GpuNeed(1.0, 1 if device == "cuda:1" else None) if on_gpu else GpuNeed())


def test_annotators_run_alone_name_their_gpu_too() -> None:
    from pipelines.annotate import AnnotateClipsOnGpu
    from pipelines.evaluate_annotators import AssessClipOnGpu

    config = Config(tracks=TracksConfig(annotator="cotracker3"), compute=ComputeConfig(device="cuda:2"))
    assert gpu_need((AnnotateClipsOnGpu("corpus", config, "tracks"),)) == GpuNeed(1.0, 2)
    assert gpu_need((AssessClipOnGpu("corpus", config, ("tracks",)),)) == GpuNeed(1.0, 2)


@pytest.mark.parametrize(
    ("named", "count", "expected"),
    [(None, 3, ("0", "1", "2")), ("5,MIG-7,9", 2, ("5", "MIG-7")), ("", 0, ()), (None, 0, ())],
)
def test_gpus_are_those_that_this_process_sees(
    monkeypatch: pytest.MonkeyPatch, named: str | None, count: int, expected: tuple[str, ...]
) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    if named is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert visible_gpus() == expected
