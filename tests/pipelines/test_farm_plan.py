"""Batches planned out of a corpus: every job can be rendered, equal wishes give equal jobs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="torch is not installed")

from pipelines.cli.planning import plan as plan_verb
from pipelines.corpus.query import run_query
from pipelines.corpus.read import Corpus
from pipelines.farm.candidates import Candidates
from pipelines.farm.checks import JobChecks
from pipelines.farm.estimate import Pace, Workload, calibrate, pace_of_renders, workload
from pipelines.farm.facts import read_facts
from pipelines.farm.folder import RendersFolder
from pipelines.farm.jobfile import ListedJob, read_jobs
from pipelines.farm.pairing import Pairing, triples
from pipelines.farm.plan import Wishes, choose_jobs, plan_jobs
from pipelines.farm.validate import validate
from pipelines.render import read_inputs
from pipelines.render_card import POCKET, WARP, read_card
from pipelines.render_models import open_renderer
from schemas.errors import ConfigError, QueryError
from schemas.render_jobs import RenderJob
from tests.command_line import figureground
from tests.pipelines.render_corpus import SIDE, odd_clips, render_clips, write_render_corpus
from transforms.track_presets.tracks import PRESETS

CARD = read_card(WARP)
Clips = tuple[Corpus, dict[str, str]]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    root = tmp_path_factory.mktemp("planning") / "corpus"
    ids = write_render_corpus(root, render_clips() | odd_clips())
    return Corpus(root), ids


@pytest.fixture(scope="module")
def checks(clips: Clips) -> JobChecks:
    corpus, ids = clips
    return JobChecks(read_facts(corpus, ids.values(), ids.values()), {}, CARD.size_multiple, CARD.size)


def _planned(corpus: Corpus, wishes: Wishes) -> list[RenderJob]:
    return list(plan_jobs(corpus, wishes, CARD.size_multiple, CARD.size).jobs)


def _among(names: list[str], ids: dict[str, str]) -> str:
    chosen = ", ".join(f"'{ids[name]}'" for name in names)
    return f"SELECT clip_id FROM clips WHERE clip_id IN ({chosen}) ORDER BY clip_id"


@settings(deadline=None)
@given(data=st.data())
def test_every_planned_job_passes_validation(clips: Clips, checks: JobChecks, data: st.DataObject) -> None:
    ids = sorted(clips[1].values())
    some = st.lists(st.sampled_from(ids), min_size=1, max_size=8, unique=True)
    frames = st.none() | st.integers(-1, 21)
    presets = st.lists(st.sampled_from([*PRESETS, "pan:0.5", "dolly", *ids]), min_size=1, max_size=6, unique=True)
    wishes = Wishes(
        pairing=data.draw(st.sampled_from(Pairing)),
        seconds=data.draw(st.none() | st.floats(0.1, 3)),
        count=data.draw(st.none() | st.integers(1, 12)),
        seed=data.draw(st.integers(0, 3)),
        size=data.draw(st.none() | st.sampled_from([48, 64])),
        loop_poses=data.draw(st.booleans()),
    )
    asked = Candidates(
        [{"reference": clip_id, "reference_frame": data.draw(frames)} for clip_id in data.draw(some)],
        [{"pose": clip_id} for clip_id in data.draw(some)],
        [{"background": name} for name in data.draw(presets)],
    )
    checks = replace(checks, loop_poses=wishes.loop_poses)
    try:
        jobs = choose_jobs(wishes, asked, checks).jobs
    except ConfigError as error:
        assert "can be used" in str(error)
        return
    assert [checks.mistakes(job) for job in jobs] == [[]] * len(jobs)
    assert len({job.job_id for job in jobs}) == len(jobs)
    assert jobs == choose_jobs(wishes, asked, checks).jobs
    assert len(jobs) <= (wishes.count or len(asked.references) * len(asked.poses) * len(asked.backgrounds))


def test_planned_jobs_can_be_rendered(clips: Clips) -> None:
    corpus, _ = clips
    jobs = _planned(corpus, Wishes(count=6, size=32, backgrounds="SELECT clip_id FROM clips WHERE kept"))
    assert len(jobs) == 6
    for job in jobs:
        assert read_inputs(corpus, job, CARD).frames >= 2
    listed = [ListedJob(line, job) for line, job in enumerate(jobs, 1)]
    assert validate(corpus, listed, CARD.size_multiple, CARD.size) == []


def test_without_wishes_everybody_who_can_is_rendered_once(clips: Clips) -> None:
    corpus, ids = clips
    plan = plan_jobs(corpus, Wishes(), CARD.size_multiple, CARD.size)
    useless = {ids[name] for name in ("no_pose", "nobody", "no_hips", "rejected")}
    assert len(plan.jobs) == len(ids) - len(useless)
    assert not useless & {clip_id for job in plan.jobs for clip_id in (job.reference, job.pose)}
    assert {job.background for job in plan.jobs} <= set(PRESETS)
    rates = {row["clip_id"]: row for row in corpus.arrow("clips", ["clip_id", "frames", "fps"]).to_pylist()}
    for job in plan.jobs:
        assert round(job.seconds * rates[job.pose]["fps"]) == rates[job.pose]["frames"]
    assert any("3 of 12 references left out" in note for note in plan.notes)


def test_the_pairings(clips: Clips) -> None:
    corpus, ids = clips
    names = sorted(("still", "pan", "wide"), key=ids.__getitem__)
    wishes = Wishes(_among(names, ids), _among(names[:2], ids), "static,pan", Pairing.PRODUCT, seconds=1.0)
    everything = _planned(corpus, wishes)
    assert len(everything) == 3 * 2 * 2
    zipped = _planned(corpus, replace(wishes, pairing=Pairing.ZIP))
    assert [(job.reference, job.pose, job.background) for job in zipped] == [
        (ids[names[0]], ids[names[0]], "static"),
        (ids[names[1]], ids[names[1]], "pan"),
        (ids[names[2]], ids[names[0]], "static"),
    ]
    drawn = _planned(corpus, replace(wishes, pairing=Pairing.SAMPLE, count=12))
    assert {job.job_id for job in drawn} == {job.job_id for job in everything}
    assert drawn != everything


def test_a_larger_sample_begins_with_the_smaller_one_and_another_seed_draws_others(clips: Clips) -> None:
    corpus, _ = clips
    few, many = (_planned(corpus, Wishes(count=count)) for count in (10, 60))
    assert many[:10] == few
    assert _planned(corpus, Wishes(count=10, seed=1)) != few
    assert max(Counter(job.reference for job in many).values()) < 30


@pytest.mark.parametrize("sizes", [(2, 3, 4), (1, 1, 1), (150, 100, 80)])
def test_a_sample_visits_every_triple_once(sizes: tuple[int, int, int]) -> None:
    drawn = []
    for triple in triples(Pairing.SAMPLE, sizes, 7):
        drawn.append(triple)
        if len(drawn) == 5000:
            break
    assert len(set(drawn)) == len(drawn) == min(5000, sizes[0] * sizes[1] * sizes[2])
    assert all(0 <= n < size for triple in drawn for n, size in zip(triple, sizes, strict=True))
    assert len(drawn) == 1 or drawn != sorted(drawn)


def test_the_frame_chosen_shows_most_of_the_person(clips: Clips) -> None:
    corpus, ids = clips
    chosen = {job.reference: job.reference_frame for job in _planned(corpus, Wishes(count=500))}
    for name in ("still", "pan", "late", "unmasked", "short"):
        last = SIDE - 1
        inside = f"x BETWEEN 0 AND {last} AND y BETWEEN 0 AND {last}"
        sql = f"""
            SELECT frame FROM (
                SELECT frame, sum(round(100 * confidence * ({inside})::INT)) AS sure FROM keypoints
                WHERE clip_id = '{ids[name]}' AND person = 0 AND x IS NOT NULL GROUP BY frame
            ) JOIN (
                SELECT unnest(range(frames)) AS frame, unnest(area_px) AS area FROM masks
                WHERE clip_id = '{ids[name]}' AND person = 0
            ) USING (frame)
            WHERE area > 0 ORDER BY sure DESC, area DESC, frame LIMIT 1"""
        assert run_query(corpus, sql).table["frame"].to_pylist() == [chosen[ids[name]]], name


def test_frames_that_are_asked_for_are_taken(clips: Clips) -> None:
    corpus, ids = clips
    sql = f"SELECT 5 AS frame, clip_id FROM clips WHERE clip_id IN ('{ids['still']}', '{ids['late']}')"
    plan = plan_jobs(corpus, Wishes(sql, pairing=Pairing.PRODUCT), CARD.size_multiple, CARD.size)
    assert {(job.reference, job.reference_frame) for job in plan.jobs} == {(ids["still"], 5)}
    assert any("1 of 2 references left out: nobody is found in frame 5" in note for note in plan.notes)


def test_poses_that_are_too_short_are_left_out_unless_they_may_be_looped(clips: Clips) -> None:
    corpus, ids = clips
    wishes = Wishes(seconds=1.0, pairing=Pairing.PRODUCT)
    assert ids["short"] not in {job.pose for job in _planned(corpus, wishes)}
    assert ids["short"] in {job.pose for job in _planned(corpus, replace(wishes, loop_poses=True))}
    with pytest.raises(ConfigError, match="none of 12 poses can be used"):
        _planned(corpus, replace(wishes, seconds=60.0))


def test_a_background_without_points_in_the_picture_is_not_paired_with_it(clips: Clips) -> None:
    corpus, ids = clips
    who, ground = _among(["still", "wide"], ids), _among(["edge"], ids)
    plan = plan_jobs(corpus, Wishes(who, who, ground, Pairing.PRODUCT), CARD.size_multiple, CARD.size)
    assert {job.reference for job in plan.jobs} == {ids["wide"]}
    assert any("2 combinations left out" in note for note in plan.notes)


@pytest.mark.parametrize(
    ("wishes", "error", "words"),
    [
        (Wishes(references="SELECT frames FROM clips"), QueryError, "references: clip ids are text"),
        (Wishes(references="SELECT clip_id, fps AS frame FROM clips"), QueryError, "frames are whole numbers"),
        (Wishes(poses="SELECT 1; SELECT 2"), QueryError, "poses: expected one SELECT"),
        (Wishes(poses="COPY clips TO 'x.csv'"), QueryError, "only SELECT"),
        (Wishes(backgrounds="SELECT clip_id FROM read_parquet('x')"), QueryError, "backgrounds: .*disabled"),
        (Wishes(backgrounds="pan,dolly,tilt"), None, "2 of 3 backgrounds left out"),
        (Wishes(backgrounds="dolly"), ConfigError, "none of 1 backgrounds can be used: .*'dolly'.*presets are"),
        (Wishes(references="SELECT clip_id FROM clips WHERE false"), ConfigError, "none of 0 references"),
        (Wishes(size=63), ConfigError, "size: .*multiples of 2"),
        (Wishes(seconds=0.0), ConfigError, "seconds: 0 s is absurd"),
        (Wishes(seed=-1), ConfigError, "seed: -1"),
        (Wishes(pairing=Pairing.ZIP, count=1000), None, "1000 jobs were asked for; there are no more than 9"),
    ],
)
def test_wishes_that_cannot_be_met_are_named(
    clips: Clips, wishes: Wishes, error: type[Exception] | None, words: str
) -> None:
    if error is None:
        notes = plan_jobs(clips[0], wishes, CARD.size_multiple, CARD.size).notes
        assert any(words in note for note in notes), notes
    else:
        with pytest.raises(error, match=words):
            _planned(clips[0], wishes)


def test_the_workload_counts_what_the_model_makes(clips: Clips) -> None:
    corpus, ids = clips
    jobs = [
        RenderJob(ids["still"], ids["pan"], seconds=16 / 12),
        RenderJob(ids["still"], ids["pan"], seconds=17 / 12),
        RenderJob(ids["still"], ids["short"], seconds=0.25),
    ]
    assert workload(corpus, jobs, 16) == Workload(3, float(Fraction(33, 12) + Fraction(1, 4)), 4, 39)
    assert Pace(0.5, 2.0, "").seconds(Workload(3, 3.0, 4, 39), workers=5) == pytest.approx((19.5 + 6) / 5)


def test_frames_asked_for_twice_are_one_reference(clips: Clips) -> None:
    corpus, ids = clips
    (best,) = {job.reference_frame for job in _planned(corpus, Wishes(_among(["still"], ids)))}
    sql = f"SELECT '{ids['still']}' AS clip_id, unnest([NULL, {best}, 1]) AS frame"
    jobs = _planned(corpus, Wishes(sql, _among(["pan"], ids), "static", Pairing.PRODUCT))
    assert [job.reference_frame for job in jobs] == [best, 1]


def test_a_calibration_measures_clips_after_the_first(clips: Clips) -> None:
    corpus, ids = clips
    pace = calibrate(corpus, RenderJob(ids["still"], ids["pan"], "pan", size=48), open_renderer(WARP))
    assert pace.per_frame_s > 0
    assert pace.per_video_s > 0
    assert "measured now" in pace.how


def test_the_pace_of_finished_videos_is_their_mean_and_that_of_another_model_is_refused(tmp_path: Path) -> None:
    folder = RendersFolder(tmp_path / "renders")
    with pytest.raises(ConfigError, match="no folder of renders"):
        pace_of_renders(folder.root, CARD)
    folder.root.mkdir()
    folder.settle({"model": CARD.name, "model_sha256": CARD.digest})
    folder.judge(RenderJob("a", "b"), {"verdict": "failed"})
    with pytest.raises(ConfigError, match=r"no video in .* is finished"):
        pace_of_renders(folder.root, CARD)
    for seed, frames, seconds in ((1, 10, 3.0), (2, 30, 5.0)):
        folder.finish(RenderJob("a", "b", seed=seed), b"", {"frames": frames, "timings": {"render_s": seconds}})
    assert pace_of_renders(folder.root, CARD).per_frame_s == pytest.approx(8 / 40)
    with pytest.raises(ConfigError, match="are of the model warp, not of pocket"):
        pace_of_renders(folder.root, read_card(POCKET))


def test_the_verb_writes_a_list_that_it_finds_no_mistake_in(
    clips: Clips, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus, ids = clips
    sql = f"SELECT clip_id FROM clips WHERE kept AND clip_id <> '{ids['still']}'"
    path = tmp_path / "jobs.parquet"
    plan_verb(
        str(corpus.root),
        poses=sql,
        pairing=Pairing.PRODUCT,
        backgrounds="pan:0.5",
        count=20,
        size=48,
        out=path,
        as_json=True,
    )
    planned, jobs = json.loads(capsys.readouterr().out), [one.job for one in read_jobs(path).jobs]
    assert planned["jobs"] == len(jobs) == 20
    assert {(job.size, job.background) for job in jobs} == {(48, "pan:0.5")}
    assert ids["still"] not in {job.pose for job in jobs}
    assert planned["estimate"] is None
    plan_verb(str(corpus.root), jobs=path, calibrate=True, workers=4)
    said = capsys.readouterr().out
    assert f"20 jobs in {path}: {planned['seconds']:.1f} s of video, {planned['clips']} clips" in said
    assert "with 4 workers" in said
    assert "measured now" in said


def test_a_check_plans_nothing(clips: Clips, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="leave out --count, --seed, --out"):
        plan_verb(str(clips[0].root), jobs=tmp_path / "jobs.jsonl", count=3, seed=0, out=tmp_path / "x.jsonl")
    with pytest.raises(ConfigError, match="choose one"):
        plan_verb(str(clips[0].root), calibrate=True, renders=tmp_path)


def test_the_command_works_without_options(clips: Clips, tmp_path: Path) -> None:
    made = figureground("plan", clips[0].root, "--out", tmp_path / "jobs.jsonl")
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("9 jobs in")
    assert "how long that takes is not known" in made.stdout
    assert "left out" in made.stderr
    assert len(read_jobs(tmp_path / "jobs.jsonl").jobs) == 9
