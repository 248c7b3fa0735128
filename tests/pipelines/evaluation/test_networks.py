"""Metrics that look through networks, from weights in the registry to the report; and their absence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from pipelines.corpus.read import Corpus  # noqa: E402
from pipelines.evaluation.catalogue import families  # noqa: E402
from pipelines.evaluation.results import ReportFolder  # noqa: E402
from pipelines.evaluation.run import evaluate  # noqa: E402
from pipelines.evaluation.subjects import paired  # noqa: E402
from schemas.errors import WeightsError  # noqa: E402
from tests.models.annotators.tiny.registering import register  # noqa: E402
from tests.models.features.networks import save_i3d, save_inception, save_resnet3d, save_vgg  # noqa: E402
from tests.models.optional import needs  # noqa: E402
from tests.pipelines.evaluation.renders import backwards, same, video  # noqa: E402
from transforms.measures.frechet import frechet_distance  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def folders(root: Path, corpus: Corpus, clips: list[str], change, frames: int = 3) -> tuple[Path, Path]:
    """Videos, and their truth, of a few frames."""
    for name, made in {"made": change, "true": same}.items():
        (root / name).mkdir(parents=True)
        for index, clip_id in enumerate(clips):
            content = video(corpus, clip_id, lambda yuv, made=made: made(yuv)[:frames])
            (root / name / f"{index}.mp4").write_bytes(content)
    return root / "made", root / "true"


SAVED = {
    "fvd": ("i3d_kinetics400", save_i3d, 2, 400),
    "fid_vid": ("resnet50_kinetics400", save_resnet3d, 2, 2048),
    "fid": ("inception_fid", save_inception, 6, 2048),
}
"""Weights, how they are saved, and of two videos of three frames the samples and the width of their features."""


@needs("torch_fidelity", "torchvision")
@pytest.mark.parametrize("metric", ["fvd", *(pytest.param(m, marks=pytest.mark.slow) for m in ("fid_vid", "fid"))])
def test_the_distance_of_the_true_videos_is_nothing_and_of_others_something(
    metric: str, tmp_path: Path, corpus: Corpus, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    weights, save, samples, width = SAVED[metric]
    save(tmp_path / "weights.pth")
    register(tmp_path, monkeypatch, **{weights: tmp_path / "weights.pth"})
    values = {}
    for name, change in {"true": same, "backwards": backwards}.items():
        pair = folders(tmp_path / name, corpus, [ids["pan"], ids["zoom"]], change)
        done = evaluate(paired(*pair), None, families([metric], disco=False), tmp_path / f"{name}-report", insist=True)
        assert not done.failures
        (values[name],) = done.distances
    assert values["backwards"].value > 0
    assert values["true"].value == pytest.approx(0, abs=1e-3 * values["backwards"].value)
    assert values["true"].samples == samples and "too few" in values["true"].note
    report = ReportFolder(tmp_path / "backwards-report")
    pairs = [report.features(name, metric) for name in "01"]
    made, true = (np.concatenate([pair[side] for pair in pairs]) for side in (0, 1))
    assert made.shape == (samples, width)
    assert values["backwards"].value == pytest.approx(frechet_distance(made, true))


@pytest.mark.slow
@needs("torchmetrics", "torchvision")
def test_lpips_and_fvd_run_in_both_modes(
    tmp_path: Path, corpus: Corpus, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    save_vgg(tmp_path / "vgg.pth")
    save_i3d(tmp_path / "i3d.pth")
    register(tmp_path, monkeypatch, vgg16_imagenet=tmp_path / "vgg.pth", i3d_kinetics400=tmp_path / "i3d.pth")
    chosen = families(["lpips", "fvd"], disco=True)
    pair = folders(tmp_path, corpus, [ids["pan"], ids["zoom"]], backwards, 18)
    done = evaluate(paired(*pair), None, chosen, tmp_path / "report", insist=True)
    assert not done.failures
    assert {summary.metric.name for summary in done.summaries} == {"lpips", "disco_lpips"}
    assert all(result.value("lpips") > 0 for result in done.results)
    samples = {distance.metric.name: distance.samples for distance in done.distances}
    assert samples == {"fvd": 2, "disco_fvd": 6}, "18 frames: one window of 16 end to end, three a frame apart"
    assert all(distance.value > 0 for distance in done.distances)


def test_networks_that_are_not_there_are_left_out_with_the_reason_and_insisted_on_they_are_an_error(
    tmp_path: Path, corpus: Corpus, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIGUREGROUND_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FIGUREGROUND_WEIGHTS", raising=False)
    pair = folders(tmp_path, corpus, [ids["still"]], same)
    chosen = families(["psnr", "fid", "fvd"], disco=True)
    done = evaluate(paired(*pair), None, chosen, tmp_path / "report")
    assert {summary.metric.name for summary in done.summaries} == {"psnr", "disco_psnr"}
    assert set(done.left_out) == {"fid", "disco_fid", "fvd", "disco_fvd"}
    assert "FIGUREGROUND_WEIGHTS" in done.left_out["fvd"]
    assert [line.split(":")[0] for line in done.reasons] == ["fid, disco_fid", "fvd, disco_fvd"]
    with pytest.raises(WeightsError, match=r"fid: .*"):
        evaluate(paired(*pair), None, chosen, tmp_path / "report", insist=True)
