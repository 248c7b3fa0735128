"""What the generator costs is measured for the same work on every path, and memory that was let go counts."""

from __future__ import annotations

import argparse

import psutil
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")

from infra.benchmarks.generator_cost import Cost, Task, in_a_process, line, measure, peak_mb, rows, verdicts  # noqa: E402
from infra.benchmarks.generator_paths import (  # noqa: E402
    FRAMES,
    LOADED,
    ONE_BY_ONE,
    PATHS,
    PEERS,
    PIPELINE,
    TOGETHER,
    UNET,
    build,
    peers_way,
    unet_alone,
    video,
)
from models.generator.guidance import Guidance  # noqa: E402
from models.generator.pipeline import Sampling  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_the_peers_way_makes_as_many_frames_as_the_pipeline() -> None:
    pipeline = build(16, "cpu", torch.float32)
    made, sampling = video(1, 2, 64), Sampling(1, Guidance(joint=2.0))
    whole = [result.frames_T3HW for result in pipeline.stream([made], sampling)]
    assert sum(map(len, whole)) == len(peers_way(pipeline, made, sampling)) == 2 * FRAMES - 1
    calls: list[int] = []
    hook = pipeline.unet.register_forward_hook(lambda *_: calls.append(1))
    unet_alone(pipeline, made, sampling)()
    alone = len(calls)
    list(pipeline.stream([made], sampling))
    hook.remove()
    assert alone == len(calls) - alone == 2


def test_a_batch_and_one_by_one_make_the_same_clips_and_a_cpu_makes_each_alone() -> None:
    pipeline = build(16, "cpu", torch.float32)
    widths: list[int] = []
    hook = pipeline.unet.register_forward_hook(lambda _, given, __: widths.append(len(given[0])))
    for path in (TOGETHER, ONE_BY_ONE):
        PATHS[path](pipeline, video(1, 1, 64), Sampling(1, Guidance(joint=2.0)))()
        assert widths == [2, 2, 2, 2], path
        widths.clear()
    hook.remove()


def test_the_peak_holds_memory_that_was_let_go() -> None:
    before, unsure = psutil.Process().memory_info().rss / 2**20, 16
    held = torch.ones(2**20, 96)
    assert peak_mb("cpu") > before + 384 - unsure
    del held
    assert psutil.Process().memory_info().rss / 2**20 < before + unsure
    assert peak_mb("cpu") > before + 384 - unsure


def test_a_task_costs_in_its_own_process_what_only_that_task_needs() -> None:
    alone = in_a_process(Task(LOADED, 1, 1), argparse.Namespace(device="cpu", width=16, size=64))
    held = torch.ones(2**20, 128)
    assert alone.seconds < 1 and alone.peak_mb > 100
    assert len(held) and alone.peak_mb + 256 < measure(Task(PIPELINE, 1, 1), 16, 64, "cpu").peak_mb


def test_parts_are_measured_apart() -> None:
    def names(*parts: str) -> list[str]:
        return [name for name, _ in rows(set(parts), 2, [2, 64])]

    assert names("a") == [LOADED, PIPELINE, UNET]
    assert names("b") == [LOADED, PIPELINE, PEERS]
    assert names("c") == [LOADED, TOGETHER, ONE_BY_ONE]
    assert names("d") == [LOADED, "2 clips", "64 clips"]
    assert len(names(*"abcd")) == 8


def test_a_row_tells_seconds_a_clip_and_frames_a_second() -> None:
    task = Task(PIPELINE, 4, 1)
    frames = 4 * (FRAMES - 1) + 1
    assert line("4 clips", task, Cost(8, 700.4)).split() == ["4", "clips", "8.00", "2.000", f"{frames / 8:.2f}", "700"]
    assert line(TOGETHER, Task(TOGETHER, 1, 1), Cost(8, 700)).split()[-3:] == ["2.000", f"{4 * FRAMES / 8:.2f}", "700"]


def test_the_verdicts_compare_what_was_measured_and_a_cpus_batch_is_explained() -> None:
    costs = {PIPELINE: Cost(10, 1), UNET: Cost(9, 1), TOGETHER: Cost(4, 1), ONE_BY_ONE: Cost(5, 1)}
    told = list(verdicts(costs, "cpu"))
    assert told[0].endswith("0.90") and "1.25 times" in told[1] and "alone" in told[2]
    assert len(list(verdicts(costs, "cuda"))) == 2
    assert "2.00 times" in next(verdicts({PIPELINE: Cost(10, 1), PEERS: Cost(20, 1)}, "cuda"))
