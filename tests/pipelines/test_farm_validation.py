"""Batches of jobs, checked as a whole before anything is rendered."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="torch is not installed")

from pipelines.corpus.committer import Committer
from pipelines.corpus.read import Corpus
from pipelines.farm.checks import JobChecks
from pipelines.farm.facts import read_facts
from pipelines.farm.jobfile import ListedJob, read_jobs, write_jobs
from pipelines.farm.validate import check_jobs, validate
from pipelines.render import read_inputs
from pipelines.render_card import WARP, read_card
from schemas.config import Config
from schemas.errors import CorpusError, GenerationError
from schemas.render_jobs import RenderJob
from tests.command_line import figureground
from tests.pipelines.corpus_records import add_source
from tests.pipelines.render_corpus import odd_clips, render_clips, write_render_corpus
from transforms.rasterising.selection import usable_points

MULTIPLE, SIZE = 2, 512
UNKNOWN = "0123456789abcdef_0_20"


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Corpus, dict[str, str]]:
    root = tmp_path_factory.mktemp("validation") / "corpus"
    ids = write_render_corpus(root, render_clips() | odd_clips())
    return Corpus(root), ids


@pytest.fixture(scope="module")
def checks(clips: tuple[Corpus, dict[str, str]]) -> JobChecks:
    corpus, ids = clips
    return JobChecks(read_facts(corpus, ids.values(), ids.values()), {}, MULTIPLE, SIZE)


def _named(ids: dict[str, str], reference: str = "still", pose: str = "pan", background: str = "pan") -> RenderJob:
    """background: a preset, or @CLIP."""
    ground = ids[background[1:]] if background.startswith("@") else background
    return RenderJob(ids.get(reference, reference), ids.get(pose, pose), ground, seconds=1.0)


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"reference": UNKNOWN}, "reference", f"no clip '{UNKNOWN}', and there is no image file"),
        ({"reference": "rejected"}, "reference", "not kept"),
        ({"reference": "nobody"}, "reference", "no person"),
        ({"reference": "no_pose"}, "reference_frame", "nobody is found in frame 0"),
        ({"reference": "late"}, "reference_frame", "nobody is found in frame 0.*but in frame 12"),
        ({"reference": "unmasked"}, "reference_frame", "nobody is found in frame 0"),
        ({"reference": "no_hips"}, "reference_frame", "no hips"),
        ({"reference_frame": 20}, "reference_frame", "frames 0 to 19, no frame 20"),
        ({"reference_frame": -1}, "reference_frame", "no frame -1"),
        ({"pose": UNKNOWN}, "pose", "no clip"),
        ({"pose": "rejected"}, "pose", "not kept"),
        ({"pose": "nobody"}, "pose", "no person"),
        ({"pose": "no_pose"}, "pose", "nobody who could drive"),
        ({"pose": "no_hips"}, "pose", "nobody who could drive"),
        ({"pose": "late", "seconds": 0.5}, "pose", "in its first 6 frames"),
        ({"pose": "short"}, "pose", r"lasts 0.4167 s, 1 s are asked for; --loop-poses"),
        ({"background": "dolly"}, "background", "'dolly', and the presets are static, pan"),
        ({"background": "@rejected"}, "background", "not kept"),
        ({"background": "@no_points"}, "background", "no point on its ground"),
        ({"background": "@edge"}, "background", "where and when"),
        ({"background": "@late_points"}, "background", "where and when"),
        ({"background": "pan:fast"}, "background", "PRESET:STRENGTH"),
        ({"background": "pan:11"}, "background", "0..10"),
        ({"size": 63}, "size", "multiples of 2 px, not 63"),
        ({"size": 0}, "size", "absurd"),
        ({"size": 100_000}, "size", "absurd"),
        ({"seconds": 0.0}, "seconds", "absurd"),
        ({"seconds": float("nan")}, "seconds", "absurd"),
        ({"seconds": 1e9}, "seconds", "absurd"),
        ({"seconds": 0.1}, "seconds", "fewer than two frames"),
        ({"seed": -1}, "seed", "not in 0"),
        ({"priority": 2**63}, "priority", "64 bits"),
    ],
)
def test_a_bad_job_is_found_with_its_field_and_the_reason(
    clips: tuple[Corpus, dict[str, str]], checks: JobChecks, change: dict[str, object], field: str, words: str
) -> None:
    names = {name: value for name, value in change.items() if name in ("reference", "pose", "background")}
    numbers = {name: value for name, value in change.items() if name not in names}
    ((found, message),) = checks.mistakes(replace(_named(clips[1], **names), **numbers))
    assert found == field
    assert re.search(words, message), message


@pytest.mark.parametrize(
    "names",
    [
        {},
        {"background": "@pan"},
        {"reference": "wide", "background": "@edge"},
        {"reference": "no_hips", "pose": "no_hips"},
        {"background": "handheld:0.5"},
        {"background": "@nobody"},
    ],
)
def test_a_good_job_passes(clips: tuple[Corpus, dict[str, str]], checks: JobChecks, names: dict[str, str]) -> None:
    assert checks.mistakes(_named(clips[1], **names)) == []


def test_a_pose_that_is_too_short_passes_where_it_may_be_played_to_and_fro(
    clips: tuple[Corpus, dict[str, str]], checks: JobChecks
) -> None:
    job = _named(clips[1], pose="short")
    assert len(checks.mistakes(job)) == 1
    assert replace(checks, loop_poses=True).mistakes(job) == []


@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_what_passes_can_be_rendered_and_what_does_not_cannot(
    clips: tuple[Corpus, dict[str, str]], checks: JobChecks, data: st.DataObject
) -> None:
    corpus, ids = clips
    names = st.sampled_from(sorted(ids.values()))
    job = RenderJob(
        data.draw(names),
        data.draw(names),
        data.draw(names | st.sampled_from(["pan", "zoom:2", "dolly"])),
        reference_frame=data.draw(st.integers(0, 20)),
        seconds=data.draw(st.floats(0.2, 2.5)),
        size=data.draw(st.sampled_from([32, 48, 33])),
    )
    mistakes = replace(checks, loop_poses=True).mistakes(job)
    try:
        inputs = read_inputs(corpus, job, read_card(WARP))
    except (CorpusError, GenerationError):
        assert mistakes
        return
    moves = bool(np.isfinite(inputs.pose.xy_TJ2[inputs.pose.present_T]).any())
    assert moves == (not mistakes), mistakes
    assert mistakes or usable_points(inputs.tracks, inputs.reference.size).any()


def _write_bad_batch(folder: Path, ids: dict[str, str]) -> Path:
    good = _named(ids)
    bad = [
        replace(good, reference=UNKNOWN),
        replace(good, reference=ids["late"]),
        replace(good, pose=ids["short"]),
        replace(good, background="dolly"),
        replace(good, size=77_777),
    ]
    path = folder / "jobs.jsonl"
    write_jobs(path, [good, *bad, replace(good, seed=1)])
    return path


def test_the_good_jobs_of_a_bad_batch_can_go_on(clips: tuple[Corpus, dict[str, str]], tmp_path: Path) -> None:
    corpus, ids = clips
    path = _write_bad_batch(tmp_path, ids)
    with path.open("a") as file:
        file.write("nonsense\n")
    checked = check_jobs(corpus, read_jobs(path), MULTIPLE, SIZE)
    assert [job.seed for job in checked.jobs] == [0, 1]
    assert [finding.line for finding in checked.findings] == [2, 3, 4, 5, 6, 8]


def test_every_mistake_of_a_job_is_reported(clips: tuple[Corpus, dict[str, str]]) -> None:
    corpus, _ = clips
    job = RenderJob(UNKNOWN, "nobody at all", "dolly", seconds=-1, seed=-1, size=5)
    findings = validate(corpus, [ListedJob(7, job)], MULTIPLE, SIZE)
    assert {finding.field for finding in findings} == {"reference", "pose", "background", "seconds", "seed", "size"}
    assert all(str(finding).startswith("line 7: ") for finding in findings)


def test_images_are_looked_at(clips: tuple[Corpus, dict[str, str]], tmp_path: Path) -> None:
    corpus, ids = clips
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((300, 200, 3), 90, np.uint8))
    (tmp_path / "text.png").write_text("no image")
    paths = [str(tmp_path / name) for name in ("grey.png", "text.png", "absent.png", "n" * 300)]
    jobs = [ListedJob(line, replace(_named(ids), reference=path)) for line, path in enumerate(paths, 1)]
    findings = validate(corpus, jobs, MULTIPLE, SIZE)
    assert [finding.line for finding in findings] == [1, 2, 3, 4]
    for finding, words in zip(
        findings, ["nobody is found", "cannot be read as an image", "no image file", "no image"], strict=True
    ):
        assert words in finding.message


def test_no_video_is_decoded_for_clips(tmp_path: Path) -> None:
    with Committer(tmp_path / "corpus", Config()) as committer:
        add_source(committer, "unplayable", clips=3)
    corpus = Corpus(tmp_path / "corpus")
    first, second, third = corpus.kept_clip_ids()
    job = RenderJob(first, second, third, seconds=0.4)
    assert validate(corpus, [ListedJob(1, job), ListedJob(2, replace(job, seconds=1.0))], MULTIPLE, SIZE)[0].line == 2


def test_the_command_reports_all_bad_jobs_together(clips: tuple[Corpus, dict[str, str]], tmp_path: Path) -> None:
    corpus, ids = clips
    path = _write_bad_batch(tmp_path, ids)
    told = figureground("plan", corpus.root, "--jobs", path)
    assert (told.returncode, told.stderr) == (1, "")
    lines = [line for line in told.stdout.splitlines() if line.startswith("line ")]
    assert [line.rsplit(": ", maxsplit=1)[0] for line in lines] == [
        "line 2: reference",
        "line 3: reference_frame",
        "line 4: pose",
        "line 5: background",
        "line 6: size",
    ]
    assert f"2 jobs in {path}" in told.stdout
