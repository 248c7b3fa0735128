"""What goes wrong in a batch, and what the user is left with."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")

from models.generator.guidance import Guidance
from pipelines.corpus.layout import Layout
from pipelines.corpus.lock import writer_lock
from pipelines.farm.folder import SETTINGS, TABLE, RendersFolder
from pipelines.farm.orders import VideoFailed
from pipelines.farm.pool import Notice
from pipelines.farm.run import Batch
from pipelines.farm.status import read_status
from pipelines.render_card import read_card
from pipelines.render_models import best_precision
from pipelines.render_options import RenderOptions
from schemas.errors import ConfigError, CorpusError
from schemas.sampling import Precision, Sampler
from tests.models.generator.tiny_generators import tiny_pocket
from tests.pipelines.farm_processes import drive
from tests.pipelines.small_farm import CLIP_FRAMES, SIZE, STEPS, SmallFarm, digests, jobs_of
from tests.pipelines.troubled_farm import Trouble, drive_in_trouble


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> SmallFarm:
    return SmallFarm.at(tmp_path_factory.mktemp("farm"))


@pytest.fixture(scope="module")
def whole(farm: SmallFarm, tmp_path_factory: pytest.TempPathFactory) -> Batch:
    """Six square jobs, undisturbed, one after the other."""
    batch = square(farm, tmp_path_factory.mktemp("whole") / "renders")
    drive(batch)
    return batch


def square(farm: SmallFarm, out: Path) -> Batch:
    batch = farm.batch(out, 9)
    return replace(batch, jobs=[job for job in batch.jobs if job.reference != farm.ids["wide"]])


def test_videos_stepped_together_have_the_bytes_of_videos_made_one_by_one(
    farm: SmallFarm, whole: Batch, tmp_path: Path
) -> None:
    batch, log = replace(square(farm, tmp_path / "renders"), together=4), tmp_path / "log"
    tally, _ = drive_in_trouble(batch, Trouble(log=log, slow_s=0.1))
    assert tally.done == 6
    sizes = [int(line) for line in log.read_text().split()]
    assert max(sizes) == 4
    assert digests(batch.out) == digests(whole.out)


def test_where_memory_runs_out_fewer_are_stepped_together(farm: SmallFarm, whole: Batch, tmp_path: Path) -> None:
    batch, log = replace(square(farm, tmp_path / "renders"), together=4), tmp_path / "log"
    tally, told = drive_in_trouble(batch, Trouble(log=log, needs_mb=1024, has_mb=3500, slow_s=0.1))
    assert (tally.done, tally.failed) == (6, 0)
    assert any(isinstance(event, Notice) and "ran out of memory; it goes on with 2" in event for event in told)
    assert max(int(line) for line in log.read_text().split()) == 2
    assert digests(batch.out) == digests(whole.out)


def test_a_video_that_kills_its_workers_fails_and_the_others_do_not(
    farm: SmallFarm, whole: Batch, tmp_path: Path
) -> None:
    batch = replace(square(farm, tmp_path / "renders"), together=4)
    deadly = batch.jobs[2]
    tally, told = drive_in_trouble(batch, Trouble(deadly_seed=deadly.seed))
    assert (tally.done, tally.failed, tally.left) == (5, 1, 0)
    (failed,) = (event for event in told if isinstance(event, VideoFailed))
    assert (failed.job_id, failed.reason) == (deadly.job_id, "crashed")
    assert "3 times" in failed.detail
    rows = {row["job_id"]: row for row in pq.read_table(batch.out / TABLE).to_pylist()}
    assert (rows[deadly.job_id]["verdict"], rows[deadly.job_id]["reason"]) == ("failed", "crashed")
    status = read_status(RendersFolder(batch.out))
    assert (status.done, status.reasons, status.left) == (5, {"crashed": 1}, 0)
    assert deadly.job_id in (batch.out / "index.html").read_text()
    tally, _ = drive(batch)
    assert (tally.earlier, tally.done, tally.failed) == (5, 1, 0), "what failed is tried again"
    assert digests(batch.out) == digests(whole.out)


def test_numbers_that_are_none_become_a_failed_row(farm: SmallFarm, tmp_path: Path) -> None:
    pipeline = tiny_pocket(condition="warped-last12", residual=True)
    pipeline.unet.conv_out.weight.data.fill_(float("nan"))
    pipeline.register_to_config(size=SIZE, clip_frames=CLIP_FRAMES)
    pipeline.save_pretrained(tmp_path / "model")
    card = read_card(str(tmp_path / "model"), STEPS)
    batch = replace(farm.batch(tmp_path / "renders", 2), card=card, together=2)
    tally, told = drive(batch)
    assert (tally.done, tally.failed, tally.reasons) == (0, 2, {"not_finite": 2})
    assert all("NaN" in event.detail for event in told if isinstance(event, VideoFailed))


def test_inputs_that_cannot_be_read_become_a_failed_row(farm: SmallFarm, tmp_path: Path) -> None:
    batch = farm.batch(tmp_path / "renders", 2, "warp")
    missing = replace(batch.jobs[0], pose="0123456789abcdef_0_20")
    tally, told = drive(replace(batch, jobs=[missing, *batch.jobs]))
    assert (tally.done, tally.failed) == (2, 1)
    (failed,) = (event for event in told if isinstance(event, VideoFailed))
    assert (failed.job_id, failed.reason) == (missing.job_id, "inputs")
    assert "no clip 0123456789abcdef_0_20" in failed.detail


def test_a_full_disk_ends_the_run_and_room_lets_it_go_on(farm: SmallFarm, whole: Batch, tmp_path: Path) -> None:
    batch = square(farm, tmp_path / "renders")
    with pytest.raises(CorpusError, match="make room and run again"):
        drive_in_trouble(batch, Trouble(most_file_bytes=20_000))  # a piece fits, a state does not
    assert not list(batch.out.rglob("*.tmp*")) and not list(batch.out.rglob("*.partial"))
    assert digests(batch.out) == {}
    drive(batch)
    assert digests(batch.out) == digests(whole.out)


def test_when_the_time_is_up_clips_are_finished_and_what_is_left_is_told(
    farm: SmallFarm, whole: Batch, tmp_path: Path
) -> None:
    batch = square(farm, tmp_path / "renders")
    soon = replace(batch, until=datetime.now() + timedelta(seconds=3))
    tally, _ = drive_in_trouble(soon, Trouble(slow_s=0.5))
    assert tally.left > 0
    assert tally.left + tally.done == 6
    assert read_status(RendersFolder(batch.out)).left == tally.left
    drive(batch)
    assert digests(batch.out) == digests(whole.out)


def test_a_folder_is_of_one_driver_and_of_one_model(farm: SmallFarm, tmp_path: Path) -> None:
    batch = farm.batch(tmp_path / "renders", 1, "warp")
    drive(batch)
    with writer_lock(Layout.at(batch.out)), pytest.raises(CorpusError, match="already open"):
        drive(batch)
    with pytest.raises(ConfigError, match="model: warp there, model now"):
        drive(farm.batch(batch.out, 1))
    with pytest.raises(ConfigError, match="grid: False there, True now"):
        drive(replace(batch, grid=True))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").touch()
    with pytest.raises(ConfigError, match="other things"):
        drive(replace(batch, out=tmp_path / "home"))


def test_a_folder_is_of_one_way_to_sample_and_its_table_says_which(farm: SmallFarm, tmp_path: Path) -> None:
    plain = farm.batch(tmp_path / "plain", 1)
    options = RenderOptions(Sampler.UNIPC, Precision.BFLOAT16, Guidance(figure=2.0, ground=1.5))
    sampled = replace(plain, out=tmp_path / "sampled", card=replace(plain.card, options=options))
    for batch in (plain, sampled):
        drive(batch)
    (one,), (other,) = (pq.read_table(batch.out / TABLE).to_pylist() for batch in (plain, sampled))
    assert one["sha256"] != other["sha256"]
    told = ("sampler", "precision", "guidance", "guidance_figure", "guidance_ground")
    assert [other[name] for name in told] == ["unipc", "bfloat16", 1.0, 2.0, 1.5]
    assert [one[name] for name in told] == [None, best_precision(), 1.0, 1.0, 1.0]
    with pytest.raises(ConfigError, match=r"guidance_figure: 2\.0 there, 1\.0 now.*sampler: unipc there, None now"):
        drive(replace(plain, out=sampled.out))
    tally, _ = drive(sampled)
    assert (tally.earlier, tally.left) == (1, 0)


def test_a_folder_begun_before_there_was_a_choice_goes_on_without_one(farm: SmallFarm, tmp_path: Path) -> None:
    batch = farm.batch(tmp_path / "renders", 1)
    drive(batch)
    path = batch.out / SETTINGS
    older = {"format", "model", "model_sha256", "steps", "grid", "clip_frames"}
    path.write_text(json.dumps({name: value for name, value in json.loads(path.read_text()).items() if name in older}))
    tally, _ = drive(batch)
    assert (tally.earlier, tally.left) == (1, 0)
    options = RenderOptions(precision=Precision.FLOAT16)
    with pytest.raises(ConfigError, match="precision: None there, float16 now"):
        drive(replace(batch, card=replace(batch.card, options=options)))


def test_damaged_work_is_made_again(farm: SmallFarm, whole: Batch, tmp_path: Path) -> None:
    batch = square(farm, tmp_path / "renders")
    soon = replace(batch, until=datetime.now() + timedelta(seconds=4))
    drive_in_trouble(soon, Trouble(slow_s=0.3))
    for path in (batch.out / "work").rglob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    drive(batch)
    assert digests(batch.out) == digests(whole.out)


def test_nothing_is_left_to_do_the_second_time(farm: SmallFarm, tmp_path: Path) -> None:
    batch = replace(farm.batch(tmp_path / "renders", 2, "warp"), grid=True)
    drive(batch)
    before = digests(batch.out)
    tally, _ = drive(batch)
    assert (tally.jobs, tally.earlier, tally.done, tally.left) == (2, 2, 0, 0)
    assert digests(batch.out) == before
    sizes = {(row["width"], row["height"]) for row in RendersFolder(batch.out).verdicts()}
    assert sizes == {(4 * 32, 32), (4 * 48, 32)}
    assert json.loads((batch.out / "figureground-renders.json").read_text())["grid"] is True


def test_jobs_of_another_list_join_the_folder(farm: SmallFarm, tmp_path: Path) -> None:
    batch = farm.batch(tmp_path / "renders", 2, "warp")
    drive(batch)
    drive(replace(batch, jobs=jobs_of(farm.ids, 3)))
    assert pq.read_metadata(batch.out / TABLE).num_rows == 3
