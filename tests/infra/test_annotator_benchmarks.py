"""The benchmarks of annotators measure what they say, on two short clips."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.benchmarks import annotation_cost
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
