"""One more annotator over a corpus that is there: rows side by side, preference, resume, engines, bad input."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest

from pipelines.annotate import annotate
from pipelines.corpus.access import ClipReader
from pipelines.corpus.annotators import note_annotator
from pipelines.corpus.check import check
from pipelines.corpus.committer import Committer
from pipelines.corpus.delta import Tables
from pipelines.corpus.parts import write_rows
from pipelines.corpus.read import Corpus
from pipelines.corpus.unpack import rows_of
from pipelines.engines.factory import create_engine
from pipelines.synthesize import synthesize
from schemas.config import ComputeConfig, Config, EngineConfig, LimitsConfig, MasksConfig, PoseConfig, TracksConfig
from schemas.errors import ConfigError
from schemas.tables import NOBODY
from tests.command_line import figureground
from tests.models.annotators.tiny.cotracker import save_tracker, write_checkout
from tests.models.annotators.tiny.registering import register
from tests.models.optional import needs
from tests.pipelines.small_corpus import small_corpus

LUCAS_KANADE = Config(tracks=TracksConfig(points=64))
SELFIE = Config(masks=MasksConfig(annotator="selfie"))
VIDEOS = 2


def silent(done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("truth")
    synthesize(out, VIDEOS, seed=3, size=128, seconds=0.5, fps=12, people=(1, 1))
    return out / "corpus"


@pytest.fixture
def corpus(synthesized: Path, tmp_path: Path) -> Path:
    shutil.copytree(synthesized, tmp_path / "corpus")
    return tmp_path / "corpus"


def annotators(corpus: Path, table: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in Corpus(corpus).arrow(table, ["clip_id", "annotator"]).to_pylist():
        found.setdefault(row["clip_id"], set()).add(row["annotator"])
    return found


def test_rows_of_two_annotators_stand_side_by_side_on_one_clock_and_the_check_is_clean(corpus: Path) -> None:
    before = Corpus(corpus)
    done = annotate(corpus, LUCAS_KANADE, "tracks", None, silent)
    assert (done.clips, done.already_done, done.made, done.failed) == (VIDEOS, 0, VIDEOS, [])
    assert set(map(frozenset, annotators(corpus, "tracks").values())) == {frozenset({"synthetic", "recovering"})}
    report = check(corpus)
    assert report.ok, report.problems
    assert report.rows["tracks"] == 2 * VIDEOS
    rows = Corpus(corpus).arrow("tracks").to_pylist()
    assert {row["frames"] for row in rows} == {before.clip(before.kept_clip_ids()[0])["frames"]}
    (run,) = Corpus(corpus).arrow("runs").to_pylist()[-1:]
    assert run["command"] == "annotate tracks recovering"


def test_views_and_readers_show_one_annotator_and_the_truth_before_all_others(corpus: Path) -> None:
    annotate(corpus, LUCAS_KANADE, "tracks", None, silent, prefer=True)
    read = Corpus(corpus)
    clip_id = read.kept_clip_ids()[0]
    assert read.annotation(clip_id).track_annotator.name == "synthetic"
    with read.connect() as connection:
        points = dict(
            connection.execute("SELECT annotator, points FROM tracks WHERE clip_id = ?", [clip_id]).fetchall()
        )
        shown = connection.execute("SELECT count(DISTINCT point) FROM points WHERE clip_id = ?", [clip_id]).fetchone()
    assert points.keys() == {"synthetic", "recovering"}
    assert shown == (points["synthetic"],)


def test_the_preferred_annotator_is_the_one_named_last(corpus: Path) -> None:
    annotate(corpus, SELFIE, "masks", None, silent, prefer=True)
    assert Corpus(corpus).preference == {"poses": "blazepose", "masks": "selfie", "tracks": "recovering"}
    annotate(corpus, SELFIE, "masks", None, silent)
    assert Corpus(corpus).preference["masks"] == "selfie"


def test_masks_keep_the_numbers_of_the_persons_they_belong_to(corpus: Path) -> None:
    annotate(corpus, SELFIE, "masks", None, silent)
    rows = Corpus(corpus).arrow("masks", ["clip_id", "person", "annotator", "weights_sha256"]).to_pylist()
    by = {
        name: {(r["clip_id"], r["person"]) for r in rows if r["annotator"] == name} for name in ("synthetic", "selfie")
    }
    assert by["selfie"] == by["synthetic"]
    assert {len(r["weights_sha256"]) for r in rows if r["annotator"] == "selfie"} == {64}
    assert check(corpus).ok


def test_running_again_does_what_is_left_and_nothing_twice(corpus: Path) -> None:
    first, second = Corpus(corpus).kept_clip_ids()
    annotate(corpus, LUCAS_KANADE, "tracks", None, silent)
    digest = check(corpus).digest
    again = annotate(corpus, LUCAS_KANADE, "tracks", None, silent)
    assert (again.already_done, again.made) == (VIDEOS, 0)
    assert check(corpus).digest == digest
    assert {first, second} == set(annotators(corpus, "tracks"))


def test_a_clip_in_which_nobody_is_found_is_not_looked_at_again(tmp_path: Path) -> None:
    small = small_corpus(tmp_path / "corpus")
    first = annotate(small, Config(), "poses", None, silent)
    assert (first.made, first.failed) == (4, [])
    read = Corpus(small)
    rows = [row for row in read.arrow("poses").to_pylist() if row["annotator"] == "blazepose"]
    nobody = {row["clip_id"] for row in rows if row["person"] == NOBODY}
    assert nobody
    assert annotate(small, Config(), "poses", None, silent).already_done == 4
    report = check(small)
    assert report.ok, report.problems
    with read.connect() as connection:
        assert connection.execute("SELECT min(person) FROM poses").fetchone() == (0,)
    assert len(read.annotation(min(nobody)).persons) == len(ClipReader(read).persons(min(nobody)))


def test_a_clip_without_persons_needs_no_masks(tmp_path: Path) -> None:
    small = small_corpus(tmp_path / "corpus")
    first, again = (annotate(small, SELFIE, "masks", None, silent) for _ in range(2))
    assert (first.clips, first.already_done, first.made) == (4, 1, 3)
    assert (again.already_done, again.made) == (4, 0)


@pytest.mark.parametrize("name", ["local", "ray", "beam"])
def test_every_engine_makes_the_rows_that_are_left_and_the_same_ones(
    name: str, synthesized: Path, corpus: Path, request: pytest.FixtureRequest
) -> None:
    if name == "ray":
        request.getfixturevalue("ray_cluster")
    whole = corpus.parent / "whole"
    shutil.copytree(synthesized, whole)
    annotate(whole, LUCAS_KANADE, "tracks", None, silent)
    rows = [row for row in rows_of(Corpus(whole).arrow("tracks")) if row["annotator"] == "recovering"]
    with Committer(corpus, Corpus(corpus).config) as committer:  # as an interrupted run leaves it
        note_annotator(committer.layout, None, LUCAS_KANADE, "tracks")
        committer.add_annotations([write_rows(committer.layout, "tracks", "interrupted", rows[:1])])
    with closing(create_engine(name, 1, EngineConfig(), LimitsConfig())) as engine:
        done = annotate(corpus, LUCAS_KANADE, "tracks", engine, silent)
    assert (done.already_done, done.made, done.failed) == (1, VIDEOS - 1, [])
    assert check(corpus).digest == check(whole).digest


@pytest.mark.parametrize(
    "place",
    [
        "commit.tracks.after",
        pytest.param("write.tracks.after", marks=pytest.mark.slow),
        pytest.param("redo.write.after", marks=pytest.mark.slow),
    ],
)
def test_a_run_killed_anywhere_and_run_again_gives_the_same_rows(synthesized: Path, corpus: Path, place: str) -> None:
    whole = corpus.parent / "whole"
    shutil.copytree(synthesized, whole)
    annotate(whole, LUCAS_KANADE, "tracks", None, silent)
    command = ("annotate", corpus, "--only", "tracks", "--with", "recovering", "--set", "tracks.points=64")
    killed = figureground(*command, "--workers", 1, FIGUREGROUND_FAILPOINT=place)
    assert killed.returncode != 0
    figureground(*command, "--workers", 1, check=True)
    assert check(corpus).digest == check(whole).digest


def test_rows_of_one_annotator_are_not_made_with_two_settings(corpus: Path) -> None:
    annotate(corpus, LUCAS_KANADE, "tracks", None, silent)
    with pytest.raises(ConfigError, match="points: 64 -> 128"):
        annotate(corpus, Config(tracks=TracksConfig(points=128)), "tracks", None, silent)


def test_the_help_names_every_annotator() -> None:
    kinds = (PoseConfig, MasksConfig, TracksConfig)
    names = [name for kind in kinds for name in get_args(get_type_hints(kind)["annotator"])]
    assert len(names) > 10
    said = figureground("annotate", "--help", check=True).stdout
    assert [name for name in names if name not in said] == []


def test_what_cannot_work_is_said_before_anything_is_done(corpus: Path) -> None:
    blazepose = replace(SELFIE, masks=MasksConfig())
    with pytest.raises(ConfigError, match="made along with its poses"):
        annotate(corpus, blazepose, "masks", None, silent)
    assert ComputeConfig().device == "cuda"
    run = figureground("annotate", corpus, "--only", "masks", "--with", "clipseg")
    assert run.returncode == 1
    assert "masks.annotator" in run.stderr and "Traceback" not in run.stderr


def break_video(corpus: Path) -> str:
    """Put something that is no video in the place of the first clip's; its id."""
    read = Corpus(corpus)
    bad = read.kept_clip_ids()[0]
    rows = read.arrow("media").to_pylist()
    for row in rows:
        if row["clip_id"] == bad:
            row["video"] = b"no video"
    file = write_rows(read.layout, "media", "broken", rows)
    Tables(read.layout).replace("media", read.files["media"], [file], data_change=True)
    return bad


def test_a_clip_that_cannot_be_annotated_fails_alone(corpus: Path) -> None:
    bad = break_video(corpus)
    run = figureground("annotate", corpus, "--only", "tracks", "--with", "recovering", "--workers", 1, "--json")
    assert run.returncode == 3
    told = json.loads(run.stdout)
    assert told["made"] == VIDEOS - 1
    assert bad in told["failed"][0]


def test_poses_of_another_annotator_take_the_numbers_of_the_persons_they_lie_on() -> None:
    from schemas.records import Pose
    from schemas.skeletons.conversion import converted
    from transforms.annotation.matching import person_numbers

    rng = np.random.default_rng(0)
    shape = rng.uniform(0, 40, (33, 2)).astype(np.float32)

    def pose(x: float) -> Pose:
        xy = np.stack([shape + np.array([x + t, 20]) for t in range(4)]).astype(np.float32)
        return Pose(xy, np.ones((4, 33), np.float32), np.ones(4, np.bool_), "blazepose_33")

    known = [(0, pose(200)), (3, pose(20))]
    found = [converted(pose(22), "coco_17"), converted(pose(400), "coco_17"), converted(pose(199), "openpose_18")]
    assert person_numbers(found, known) == [3, 4, 0]
    assert person_numbers(found, []) == [0, 1, 2]


@needs("torch")
def test_clips_are_given_to_cotracker_together_and_one_that_is_broken_fails_alone(
    synthesized: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = save_tracker(tmp_path / "tracker.safetensors")
    register(tmp_path, monkeypatch, cotracker3_offline=tracker, cotracker3_online=tracker)
    settings = TracksConfig(annotator="cotracker3", points=16, source=str(write_checkout(tmp_path / "co-tracker")))
    cotracker = Config(tracks=settings, compute=ComputeConfig(device="cpu", batch=2))
    assert annotate(corpus, cotracker, "tracks", None, silent).made == VIDEOS
    assert check(corpus).ok
    broken = tmp_path / "broken"
    shutil.copytree(synthesized, broken)
    bad = break_video(broken)
    done = annotate(broken, cotracker, "tracks", None, silent)
    assert done.made == VIDEOS - 1
    assert len(done.failed) == 1 and bad in done.failed[0]
