from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.corpus.read import Corpus
from pipelines.export import export
from pipelines.export.registry import HOMES
from pipelines.export.splits import Splits
from schemas.errors import ConfigError, CorpusError, QueryError
from tests.command_line import figureground
from tests.pipelines.small_corpus import add_clips, puppet_clip


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def growing(corpus: Corpus, tmp_path: Path) -> Path:
    return Path(shutil.copytree(str(corpus.root), tmp_path / "growing"))


def test_running_again_writes_nothing_anew(corpus: Corpus, out: Path) -> None:
    first = export(corpus, out, "videofolder")
    before = content(out)
    again = export(corpus, out, "videofolder")
    assert (first.written, first.already_done) == (4, 0)
    assert (again.written, again.already_done) == (0, 4)
    assert content(out) == before


def test_an_interrupted_export_goes_on_and_equals_an_uninterrupted_one(corpus: Corpus, tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(corpus, tmp_path / "stopped", "tapvid", told=interrupt)
    done = export(corpus, tmp_path / "stopped", "tapvid")
    export(corpus, tmp_path / "whole", "tapvid")
    assert (done.written, done.already_done) == (2, 2)
    assert content(tmp_path / "stopped") == content(tmp_path / "whole")


@pytest.mark.parametrize("name", ["coco", "webdataset"])
def test_an_export_of_a_grown_corpus_equals_a_fresh_one(growing: Path, tmp_path: Path, name: str) -> None:
    export(growing, tmp_path / "old", name)
    add_clips(growing, [puppet_clip(11)])
    done = export(growing, tmp_path / "old", name)
    export(growing, tmp_path / "new", name)
    assert done.clips == 5
    assert content(tmp_path / "old") == content(tmp_path / "new")


def test_a_file_that_was_lost_is_written_again(corpus: Corpus, out: Path) -> None:
    export(corpus, out, "videofolder")
    lost = next(out.glob("data/train/*.mp4"))
    lost.unlink()
    assert export(corpus, out, "videofolder").written == 1
    assert lost.exists()


def test_a_clip_that_cannot_be_read_is_reported_and_the_others_are_exported(growing: Path, out: Path) -> None:
    damaged = Corpus(growing).paths("media")[0]
    damaged.write_bytes(damaged.read_bytes()[:-400])
    done = figureground("export", growing, "--format", "videofolder", "--out", out, "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 3
    assert (report["written"], len(report["failed"])) == (3, 1)
    assert "figureground check" in report["failed"][0]
    assert "Traceback" not in done.stderr


def test_the_condition_chooses_clips_and_never_rejected_ones(corpus: Corpus, out: Path) -> None:
    with_people = [clip for clip in corpus.clips() if clip.row["person_count"]]
    assert export(corpus, out, "videofolder", where="person_count > 0 OR false").clips == len(with_people)
    assert len(corpus.clips("true OR NOT kept) OR (true")) == 4


@pytest.mark.parametrize(("where", "error"), [("nothing > 1", QueryError), ("duration_s > 1000", CorpusError)])
def test_a_condition_that_is_wrong_or_met_by_nothing_is_an_error(
    corpus: Corpus, out: Path, where: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        export(corpus, out, "coco", where=where)
    assert not out.exists()


def test_a_folder_of_something_else_is_left_alone(corpus: Corpus, out: Path) -> None:
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match="holds other files"):
        export(corpus, out, "coco")
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]


def test_another_export_into_the_same_folder_is_refused_with_the_difference(corpus: Corpus, out: Path) -> None:
    export(corpus, out, "videofolder")
    with pytest.raises(ConfigError, match="where: '' -> 'true'"):
        export(corpus, out, "videofolder", where="true")


@pytest.mark.parametrize("text", ["train", "train=2", "train=0.5", "train=0.5,train=0.5", "../x=1", "a=0,b=1", "a=x"])
def test_impossible_splits_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        Splits.parse(text)


def test_sources_fall_into_splits_by_their_shares_and_stay_there() -> None:
    import hashlib

    ids = [hashlib.sha256(str(i).encode()).hexdigest()[:16] for i in range(4000)]
    splits = [Splits.parse("train=0.8,val=0.1,test=0.1").of(source_id) for source_id in ids]
    assert splits.count("train") / 4000 == pytest.approx(0.8, abs=0.03)
    assert splits.count("val") / 4000 == pytest.approx(0.1, abs=0.02)
    assert splits == [Splits.parse("train=0.8,val=0.1,test=0.1").of(source_id) for source_id in ids]


def test_an_unknown_format_is_an_error_that_names_those_there_are(corpus: Corpus, out: Path) -> None:
    with pytest.raises(ConfigError, match="coco, moore"):
        export(corpus, out, "voc")


def test_the_command_line_knows_every_format() -> None:
    from pipelines.cli.export import ExportFormat

    assert [format_.value for format_ in ExportFormat] == sorted(HOMES)


def test_rejected_clips_cannot_be_asked_for_by_id(corpus: Corpus) -> None:
    (rejected,) = [row["clip_id"] for row in corpus.arrow("clips").to_pylist() if not row["kept"]]
    with pytest.raises(CorpusError, match="luminance_low, person_motion_low"):
        corpus.clips(clip_ids=[rejected])
    with pytest.raises(CorpusError, match="has no clip nobody"):
        corpus.clips(clip_ids=["nobody"])
    assert [clip.clip_id for clip in corpus.clips(clip_ids=[corpus.kept_clip_ids()[2]])] == [corpus.kept_clip_ids()[2]]


def test_clips_without_people_have_arrays_too(corpus: Corpus) -> None:
    (alone,) = [clip for clip in corpus.clips() if not clip.annotation().persons]
    arrays = alone.arrays()
    assert arrays.keypoints_PTJ2.shape == (0, 12, 0, 2)
    assert arrays.masks_PTHW.shape == (0, 12, 64, 64)
    assert arrays.points_NT2.shape[1:] == (12, 2)


def test_the_arrays_of_a_clip_are_what_was_annotated(corpus: Corpus) -> None:
    truth = replace(puppet_clip(0))
    assert truth.annotation is not None
    arrays = corpus.clips(clip_ids=[truth.clip_id])[0].arrays()
    assert arrays.frames_THW3.shape == (12, 64, 64, 3)
    assert arrays.frames_THW3.dtype == "uint8"
    assert arrays.fps == 12
    for person, xy_TJ2, mask_THW in zip(
        truth.annotation.persons, arrays.keypoints_PTJ2, arrays.masks_PTHW, strict=True
    ):
        found = person.pose.present_T[:, None] & (person.pose.confidence_TJ > 0.005)
        assert abs(xy_TJ2 - person.pose.xy_TJ2)[found].max() <= 1 / 16
        assert mask_THW.sum((1, 2)).tolist() == list(person.mask.area_px)
    assert abs(arrays.points_NT2 - truth.annotation.tracks.xy_NT2).max() <= 1 / 16
    assert (arrays.on_person_NT == truth.annotation.tracks.on_person_NT).all()


def test_a_corpus_whose_ids_lead_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    root = add_clips(tmp_path / "corpus", [puppet_clip(11)])
    (path,) = Corpus(root).paths("clips")
    row = pq.read_table(path).to_pylist()[0] | {"clip_id": "../../elsewhere"}
    pq.write_table(pq.read_table(path).from_pylist([row], pq.read_schema(path)), path)
    with pytest.raises(CorpusError, match="is no clip id"):
        export(root, tmp_path / "out", "videofolder")
