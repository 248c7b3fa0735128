"""The benchmarks of annotators measure what they say, on two short clips."""

from __future__ import annotations

import queue
import threading
from pathlib import Path

import pytest

from infra.benchmarks import annotation_cost
from infra.benchmarks.annotation_meter import GpuMeter, Usage
from pipelines.corpus.read import Corpus
from tests.models.annotators.tiny.sam import save_sam
from tests.models.optional import needs


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return annotation_cost.build_corpus(tmp_path, annotation_cost.demo_video(), clips=2, frames=6)


@needs("torch", "torchvision", "segment_anything")
def test_the_pipeline_is_measured_beside_its_annotator_and_the_bare_networks(corpus: Path, tmp_path: Path) -> None:
    clips = len(Corpus(corpus).kept_clip_ids())
    assert clips >= 2
    blazepose = annotation_cost.measure_blazepose(corpus)
    sam = annotation_cost.measure_sam(corpus, save_sam(tmp_path / "sam.safetensors"), batch=4)
    for cost in (blazepose, sam):
        assert cost.calls >= 6
        assert cost.networks_s > 0
        assert 0 < cost.annotator_s < cost.pipeline_s
    annotators = set(Corpus(corpus).arrow("masks", ["annotator"])["annotator"].to_pylist())
    assert annotators == {"blazepose", "segment_anything"}
    assert "blazepose" in Corpus(corpus).arrow("poses", ["annotator"])["annotator"].to_pylist()


@needs("torch", "torchvision", "segment_anything")
def test_on_a_gpu_wall_time_is_measured_in_the_pipelines_precision_and_set_against_both(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from segment_anything.modeling import ImageEncoderViT

    from models.annotators import compute

    lower, inner = [], ImageEncoderViT.forward

    def watched(encoder, pictures):
        lower.append(torch.is_autocast_enabled("cpu"))
        return inner(encoder, pictures)

    monkeypatch.setattr(compute, "_LOWERED", {"cpu"})  # as a GPU does
    monkeypatch.setattr(ImageEncoderViT, "forward", watched)
    meter = GpuMeter(sample=lambda: 40)
    cost = annotation_cost.measure_sam(corpus, save_sam(tmp_path / "sam.safetensors"), 4, "cpu", meter)
    assert len(lower) >= 3 and all(lower)
    cost.networks_s, cost.decode_s, cost.annotator_s, cost.pipeline_s = 4.0, 1.0, 5.0, 6.0
    head, *rows = cost.table(frames=100)
    assert head.split()[:2] == ["wall", "s"]
    said = {row[:10].strip(): row[10:].split() for row in rows}
    assert said["annotate"] == ["6.00", "60.00", "1.500", "1.200"]
    assert said["plain loop"] == ["5.00", "50.00", "1.250", "1.000"]


def test_how_busy_a_gpu_was_is_told_by_what_was_going_on() -> None:
    asked, answers = threading.Semaphore(0), queue.Queue()

    def sample() -> float:
        asked.release()
        busy = answers.get(timeout=60)
        if busy is None:
            raise RuntimeError("the driver tells no more")
        return busy

    usage = Usage(sample)
    for phase, busy in (("annotate", 100.0), ("annotate", 50.0), ("networks", 0.0)):
        assert asked.acquire(timeout=60)  # a sample is of what is going on when it is asked for
        usage.phase = phase
        answers.put(busy)
    assert asked.acquire(timeout=60)
    answers.put(None)
    assert usage.stop() == {"start": [100], "annotate": [50, 0]}


@pytest.mark.parametrize(
    ("words", "said"), [((), "blazepose runs on the CPU alone"), (("--network", "sam"), "no GPU here")]
)
def test_without_a_gpu_the_benchmark_says_so(
    words: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit):
        annotation_cost.main(["--device", "cuda", *words])
    assert said in capsys.readouterr().err


@needs("torch", "torchvision", "segment_anything", "controlnet_aux")
@pytest.mark.filterwarnings("ignore")
def test_the_gpu_benchmark_runs_small_where_there_is_no_gpu_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    from infra.benchmarks import annotator_gpu

    lines = annotator_gpu.main(["--seconds", "0", "--batches", "1", "2"])
    assert len(lines) == 3 * 3 * 2
    assert all(line.fps is not None and line.fps > 0 for line in lines)
    if not torch.cuda.is_available():
        assert "no GPU here" in capsys.readouterr().out
        assert {line.peak_mb for line in lines} == {None}


def test_a_network_that_does_not_fit_ends_its_batch_sizes_and_not_the_benchmark() -> None:
    torch = pytest.importorskip("torch")
    from infra.benchmarks.annotator_gpu import Network, measure

    class Small(torch.nn.Module):
        def forward(self, pictures):
            if len(pictures) > 2:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return pictures

    lines = list(measure(Network("small", Small, (1, 2, 2)), [1, 2, 4, 8], 0.0, torch.device("cpu")))
    assert [(line.batch, line.fps is not None) for line in lines[:3]] == [(1, True), (2, True), (4, False)]
    assert len(lines) == 9
