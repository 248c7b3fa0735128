"""Renders measured: right and wrong ones told apart, nothing measured twice, what fails kept apart."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch", reason="torch is not installed")

from pipelines.corpus.read import Corpus
from pipelines.evaluation.catalogue import FAMILIES, families
from pipelines.evaluation.page import write_page
from pipelines.evaluation.report import SCHEMA, as_tree, write_tables
from pipelines.evaluation.results import ReportFolder
from pipelines.evaluation.run import Evaluation, evaluate
from pipelines.evaluation.subjects import SELF, rendered
from schemas.errors import ConfigError
from schemas.render_jobs import RenderJob
from tests.pipelines.evaluation.renders import backwards, copied, repeating, same, write_renders

SECONDS = 32 / 12
NO_NETWORK = ("l1", "psnr", "ssim", "tracks", "pose", "drift", "steady")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def jobs(ids: dict[str, str]) -> dict[str, RenderJob]:
    """The same clip made well, badly and worse; and a job that no clip is the truth of."""
    return {
        "true": repeating(ids["pan"], SECONDS, seed=1),
        "copied": repeating(ids["pan"], SECONDS, seed=2),
        "backwards": repeating(ids["pan"], SECONDS, seed=3),
        "mixed": RenderJob(ids["pan"], ids["zoom"], "pan", seconds=SECONDS),
    }


@pytest.fixture(scope="module")
def renders(tmp_path_factory: pytest.TempPathFactory, corpus: Corpus, jobs: dict[str, RenderJob]) -> Path:
    changes = {"true": same, "copied": copied, "backwards": backwards, "mixed": same}
    root = tmp_path_factory.mktemp("renders")
    return write_renders(root, corpus, {jobs[name]: change for name, change in changes.items()}).root


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, corpus: Corpus, renders: Path) -> tuple[Evaluation, Path]:
    out = tmp_path_factory.mktemp("report")
    done = evaluate(rendered(renders, SELF), corpus.root, families(NO_NETWORK, disco=True), out)
    write_tables(done, out)
    write_page(done, corpus, out)
    return done, out


def values(done: Evaluation, jobs: dict[str, RenderJob], metric: str) -> dict[str, float | None]:
    by_id = {result.name: result for result in done.results}
    return {name: by_id[job.job_id].value(metric) for name, job in jobs.items()}


def test_every_finished_video_is_measured_and_failed_jobs_are_none(measured, jobs) -> None:
    done, _ = measured
    assert {result.name for result in done.results} == {job.job_id for job in jobs.values()}
    assert done.failures == [] and done.left_out == {}
    assert {result.frames for result in done.results} == {32}


def test_the_true_video_is_better_than_a_copied_picture_and_that_than_the_wrong_way_round(measured, jobs) -> None:
    done, _ = measured
    for metric in ("psnr", "ssim"):
        found = values(done, jobs, metric)
        assert found["true"] > found["copied"] and found["true"] > found["backwards"]
    assert values(done, jobs, "psnr")["true"] > 40
    found = values(done, jobs, "l1")
    assert found["true"] < 0.01 < found["copied"]
    ratio = values(done, jobs, "track_ratio")
    assert ratio["true"] < 0.35
    assert ratio["copied"] == pytest.approx(1, abs=0.15)
    assert ratio["backwards"] > 1.5


def test_a_video_without_truth_is_measured_against_its_job_alone(measured, jobs) -> None:
    done, _ = measured
    assert values(done, jobs, "psnr")["mixed"] is None
    assert values(done, jobs, "warp_error_true")["mixed"] is None
    assert values(done, jobs, "track_error")["mixed"] is not None
    assert values(done, jobs, "warp_error")["mixed"] is not None
    assert values(done, jobs, "warp_error")["copied"] < values(done, jobs, "warp_error_true")["copied"]


def test_the_figures_of_disco_stand_beside_the_clean_ones(measured, jobs) -> None:
    done, _ = measured
    clean, disco = values(done, jobs, "psnr")["copied"], values(done, jobs, "disco_psnr")["copied"]
    assert disco > clean
    assert values(done, jobs, "disco_l1")["copied"] * 256**2 / 255 == pytest.approx(
        values(done, jobs, "l1")["copied"], rel=0.1
    )


def test_drift_is_told_clip_by_clip(measured, jobs) -> None:
    _, out = measured
    table = pq.read_table(out / "report.parquet").to_pylist()
    rows = {row["video"]: row for row in table if row["metric"] == "colour_drift"}
    row = rows[jobs["copied"].job_id]
    assert len(row["along"]) == 4 and max(row["along"]) < 0.5, "clips of eight frames, all alike"


def test_the_parquet_file_has_a_row_per_video_and_metric(measured, jobs) -> None:
    done, out = measured
    table = pq.read_table(out / "report.parquet")
    assert table.schema.equals(SCHEMA)
    rows = table.to_pylist()
    pairs = [(row["video"], row["metric"]) for row in rows]
    assert len(set(pairs)) == len(pairs)
    (row,) = [row for row in rows if row["video"] == jobs["true"].job_id and row["metric"] == "psnr"]
    assert row["truth"] == row["reference"] == jobs["true"].reference and row["unit"] == "dB" and row["frames"] == 32
    tree = json.loads((out / "report.json").read_text())
    assert tree == json.loads(json.dumps(as_tree(done)))
    mean = np.mean([row["value"] for row in rows if row["metric"] == "psnr" and row["value"] is not None])
    assert tree["metrics"]["psnr"]["mean"] == pytest.approx(mean)
    assert tree["metrics"]["track_ratio"]["worst"] == jobs["backwards"].job_id


def test_the_page_shows_best_and_worst_beside_the_truth(measured, jobs, corpus: Corpus) -> None:
    from schemas.config import LimitsConfig
    from transforms.decode.opening import open_video

    done, out = measured
    page = (out / "index.html").read_text()
    best, worst = page.index("Best by psnr"), page.index("Worst by psnr")
    assert best < page.index(jobs["true"].job_id, best) < worst
    shown = sorted((out / "shown").glob("*.mp4"))
    assert len(shown) == 3, "the mixed one has no PSNR to be ranked by"
    for path in shown:
        assert f"shown/{path.name}" in page
        assert open_video(path, LimitsConfig()).facts.width == 2 * 96
    before = {path: path.stat().st_mtime_ns for path in shown}
    write_page(done, corpus, out)
    assert {path: path.stat().st_mtime_ns for path in shown} == before
    write_page(done, corpus, out, rank="track_error")
    assert "Worst by track_error" in (out / "index.html").read_text()
    assert len(list((out / "shown").glob("*.mp4"))) == 4
    with pytest.raises(ConfigError, match="lpips"):
        write_page(done, corpus, out, rank="lpips")


def test_a_second_run_measures_nothing_and_gives_the_same(measured, corpus: Corpus, renders: Path) -> None:
    done, out = measured
    kept = {path: path.stat().st_mtime_ns for path in (out / "videos").iterdir()}
    again = evaluate(rendered(renders, SELF), corpus.root, families(NO_NETWORK, disco=True), out)
    assert as_tree(again) == as_tree(done)
    assert {path: path.stat().st_mtime_ns for path in (out / "videos").iterdir()} == kept


def test_another_video_of_the_name_is_measured_again_and_more_metrics_are_added(
    tmp_path: Path, corpus: Corpus, ids: dict[str, str]
) -> None:
    job = repeating(ids["zoom"], SECONDS)
    for change, psnr in ((same, True), (copied, False)):
        folder = write_renders(tmp_path / "renders", corpus, {job: change})
        (subject,) = rendered(folder.root, SELF)
        done = evaluate([subject], corpus.root, families(["psnr"], disco=False), tmp_path / "report")
        assert (done.results[0].value("psnr") > 35) is psnr
    assert set(ReportFolder(tmp_path / "report").kept(subject).figures) == {"psnr"}
    done = evaluate([subject], corpus.root, families(["ssim"], disco=False), tmp_path / "report")
    assert set(ReportFolder(tmp_path / "report").kept(subject).figures) == {"psnr", "ssim"}
    assert [metric.name for metric in done.metrics] == ["ssim"]


def test_a_bad_video_is_a_row_with_its_error_and_is_tried_again(
    tmp_path: Path, corpus: Corpus, ids: dict[str, str]
) -> None:
    good, bad, gone = (repeating(ids["zoom"], SECONDS, seed) for seed in range(3))
    folder = write_renders(tmp_path / "renders", corpus, {good: same, bad: same, gone: same})
    whole = folder.video(bad.job_id).read_bytes()
    folder.video(bad.job_id).write_bytes(whole[:300])
    folder.video(gone.job_id).unlink()

    def run() -> Evaluation:
        return evaluate(rendered(folder.root, SELF), corpus.root, families(["psnr"], disco=False), tmp_path / "report")

    done = run()
    assert {line.split(":")[0] for line in done.failures} == {bad.job_id, gone.job_id}
    assert done.summaries[0].videos == 1
    write_tables(done, tmp_path / "report")
    rows = {row["video"]: row for row in pq.read_table(tmp_path / "report" / "report.parquet").to_pylist()}
    assert rows[bad.job_id]["metric"] is None and "MediaError" in rows[bad.job_id]["error"]
    folder.video(bad.job_id).write_bytes(whole)
    assert {line.split(":")[0] for line in run().failures} == {gone.job_id}


def test_a_video_that_went_after_it_was_measured_leaves_its_figures_and_a_gap_on_the_page(
    tmp_path: Path, corpus: Corpus, ids: dict[str, str]
) -> None:
    job = repeating(ids["zoom"], SECONDS)
    folder = write_renders(tmp_path / "renders", corpus, {job: same})
    chosen = families(["psnr"], disco=False)
    evaluate(rendered(folder.root, SELF), corpus.root, chosen, tmp_path / "report")
    folder.video(job.job_id).unlink()
    done = evaluate(rendered(folder.root, SELF), corpus.root, chosen, tmp_path / "report")
    assert done.failures == [] and done.results[0].value("psnr") > 35
    write_page(done, corpus, tmp_path / "report")
    assert "the video is gone" in (tmp_path / "report" / "index.html").read_text()


def test_a_job_whose_clip_was_forgotten_keeps_what_needs_no_clip(
    tmp_path: Path, corpus: Corpus, ids: dict[str, str]
) -> None:
    lost = RenderJob("0" * 16 + "_0_9", ids["zoom"], "pan", seconds=SECONDS)
    folder = write_renders(tmp_path / "renders", corpus, {repeating(ids["zoom"], SECONDS): same})
    folder.finish(lost, folder.video(repeating(ids["zoom"], SECONDS).job_id).read_bytes(), {})
    chosen = families(["tracks", "steady"], disco=False)
    done = evaluate(rendered(folder.root, SELF), corpus.root, chosen, tmp_path / "report")
    (line,) = done.failures
    assert line.startswith(f"{lost.job_id}: tracks: CorpusError")
    (result,) = [result for result in done.results if result.name == lost.job_id]
    assert result.value("warp_error") is not None


def test_all_families_are_chosen_without_a_name_and_an_unknown_one_is_refused() -> None:
    assert [family.name for family in families((), disco=False)] == list(FAMILIES)
    with pytest.raises(ConfigError, match=r"vmaf.*there are l1, psnr"):
        families(["vmaf"], disco=False)
    with pytest.raises(ConfigError, match="no finished video"):
        evaluate([], None, families((), disco=False), Path("nowhere"))


def test_grids_are_no_videos_to_measure(tmp_path: Path) -> None:
    from pipelines.farm.folder import RendersFolder

    RendersFolder(tmp_path / "grids").settle({"model": "warp", "grid": True})
    with pytest.raises(ConfigError, match="without --grid"):
        rendered(tmp_path / "grids", SELF)
    with pytest.raises(ConfigError, match="no folder of renders"):
        rendered(tmp_path, SELF)
