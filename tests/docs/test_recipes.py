"""Every recipe gives the right answer on a corpus whose answer is known."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from pipelines.corpus.committer import Committer
from pipelines.corpus.parts import PartWriter, part_id_of
from pipelines.corpus.query import run_query
from pipelines.corpus.read import Corpus
from schemas.config import Config
from schemas.records import Clip, Listing
from schemas.skeletons import BLAZEPOSE_33
from schemas.tables import TABLES
from schemas.views import STORED, view_statements
from tests.pipelines.corpus_records import FRAMES, HEIGHT, WIDTH, make_clip, make_report, make_source

RECIPES = Path(__file__).resolve().parents[2] / "docs" / "recipes"
CLIPS = 10
LICENCES = {"a": "CC0", "b": "CC0", "c": None}


def recipe(number: int) -> str:
    (path,) = RECIPES.glob(f"{number:02d}_*.sql")
    return path.read_text()


def clips_of(name: str) -> list[Clip]:
    """Ten clips: the first is rejected; motion grows with the index; clip 1 of every source looks alike."""
    source = replace(make_source(name), listing=Listing(licence=LICENCES[name]))
    alike = "00" * 16 + f"{'abc'.index(name):016x}" + "00" * 16
    made = []
    for index in range(CLIPS):
        clip = make_clip(source, index, reasons=() if index else ("luminance_low",), phash=alike if index == 1 else "")
        motion = replace(
            clip.scores, duration_s=1.0 + index, background_motion=index / 10, person_motion=1 - index / 10
        )
        made.append(replace(clip, scores=motion))
    return made


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    root = tmp_path_factory.mktemp("recipes") / "corpus"
    with Committer(root, Config()) as committer:
        for name in LICENCES:
            clips = clips_of(name)
            report = make_report(clips[0].source, CLIPS)
            committer.add(PartWriter(root).write(part_id_of(clips[0].source.source_id, 0), clips, report))
    return Corpus(root)


def ask(corpus: Corpus, number: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = run_query(corpus, recipe(number)).table.to_pylist()
    return rows


def test_there_are_ten_and_each_says_what_it_answers() -> None:
    paths = sorted(RECIPES.glob("*.sql"))
    assert [int(path.name[:2]) for path in paths] == list(range(1, 11))
    assert all(path.read_text().startswith("-- ") for path in paths)


def test_the_balanced_sample_has_as_many_clips_of_each_fifth(corpus: Corpus) -> None:
    fifths = Counter(row["motion_fifth"] for row in ask(corpus, 1))
    assert set(fifths) == {1, 2, 3, 4, 5}
    assert sum(fifths.values()) == 27
    assert max(fifths.values()) - min(fifths.values()) <= 1


def test_near_duplicates_are_found_across_sources_with_their_distance(corpus: Corpus) -> None:
    bits = {(row["clip_id"], row["looks_like"]): row["bits_apart"] for row in ask(corpus, 2)}
    first = sorted((clips_of(name)[1].clip_id, "abc".index(name)) for name in LICENCES)
    want = {(a, b): (i ^ j).bit_count() for k, (a, i) in enumerate(first) for b, j in first[k + 1 :]}
    assert bits == want


def test_the_most_moving_ground_comes_first_and_the_persons_are_still(corpus: Corpus) -> None:
    rows = ask(corpus, 3)
    motions = [row["background_motion"] for row in rows]
    assert motions == sorted(motions, reverse=True)
    assert motions[0] == 0.9
    assert all(row["person_motion"] <= 0.35 for row in rows)


def test_each_source_has_its_longest_clip(corpus: Corpus) -> None:
    assert {row["clip_id"] for row in ask(corpus, 4)} == {clips_of(name)[9].clip_id for name in LICENCES}


def test_the_histogram_of_speeds_counts_every_step_that_is_seen(corpus: Corpus) -> None:
    steps = Counter[str]()
    for row in ask(corpus, 5):
        steps[row["joint"]] += row["steps"]
    joint, want = BLAZEPOSE_33.index("left_wrist"), 0
    for name in LICENCES:
        for clip in clips_of(name)[1:]:
            assert clip.annotation is not None
            pose = clip.annotation.persons[0].pose
            sure_T = np.rint(pose.confidence_TJ[:, joint] * 100) > 50
            want += int((sure_T[1:] & sure_T[:-1]).sum())
    assert steps["left_wrist"] == want > 20


def test_coverage_adds_up_the_people_of_a_frame(corpus: Corpus) -> None:
    by_id = {row["clip_id"]: row for row in ask(corpus, 6)}
    clip = clips_of("a")[3]
    assert clip.annotation is not None
    areas_PT = np.array([person.mask.area_px for person in clip.annotation.persons])
    assert by_id[clip.clip_id]["people_mean"] == pytest.approx(areas_PT.sum(0).mean() / (WIDTH * HEIGHT), abs=1e-4)
    assert len(by_id) == 27


def test_two_annotators_that_differ_by_three_pixels_are_said_to() -> None:
    joints, kept = len(BLAZEPOSE_33.joints), dict.fromkeys(TABLES["clips"].schema.names) | _kept_row()
    poses = [_pose_row(annotator, joints, 8 * shift) for annotator, shift in (("one", 0), ("two", 3))]
    with duckdb.connect() as connection:
        for name, table in TABLES.items():
            rows = {"clips": [kept], "poses": poses}.get(name, [])
            connection.register(f"{STORED}{name}", pa.Table.from_pylist(rows, table.schema))
        for statement in view_statements({"poses": "one", "masks": "one", "tracks": "one"}):
            connection.execute(statement)
        ((*_, compared, median, p95),) = connection.execute(recipe(7)).fetchall()
    assert (compared, median, p95) == (2 * joints, 3.0, 3.0)


def test_one_annotator_disagrees_with_nobody(corpus: Corpus) -> None:
    assert ask(corpus, 7) == []


def test_the_audit_counts_clips_and_seconds_by_licence(corpus: Corpus) -> None:
    seconds = float(sum(range(2, 11)))
    assert ask(corpus, 8) == [
        {"licence": "CC0", "sources": 2, "clips": 18, "seconds": 2 * seconds},
        {"licence": "unknown", "sources": 1, "clips": 9, "seconds": seconds},
    ]


def test_the_yield_is_the_share_of_a_source_that_was_kept(corpus: Corpus) -> None:
    rows = ask(corpus, 9)
    assert {(row["candidates"], row["kept"], row["kept_share"]) for row in rows} == {(10, 9, 0.9)}
    assert {row["dearest_reason"] for row in rows} == {"luminance_low"}


def test_the_cost_is_divided_among_the_seconds_that_were_kept() -> None:
    counts = json.dumps({"stages": {"decode": {"busy_s": 6.0}, "encode": {"busy_s": 2.0}}})
    run = dict.fromkeys(TABLES["runs"].schema.names, "") | {"started_at": None, "seconds": 5.0, "workers": 2}
    commands = {"first": "curate", "second": "curate", "another": "annotate"}
    runs = [run | {"run_id": name, "command": verb, "counts": counts} for name, verb in commands.items()]
    clip = dict.fromkeys(TABLES["clips"].schema.names) | _kept_row() | {"duration_s": 4.0}
    with duckdb.connect() as connection:
        for name, table in TABLES.items():
            rows = {"clips": [clip], "runs": runs}.get(name, [])
            connection.register(f"{STORED}{name}", pa.Table.from_pylist(rows, table.schema))
        for statement in view_statements({"poses": "one", "masks": "one", "tracks": "one"}):
            connection.execute(statement)
        rows = connection.execute(recipe(10)).fetchall()
    assert rows == [("decode", 12.0, 4.0, 3.0), ("wall time", 10.0, 4.0, 2.5), ("encode", 4.0, 4.0, 1.0)]


def _kept_row() -> dict[str, Any]:
    return {
        **{"clip_id": "c", "source_id": "s", "shot": 0, "start_frame": 0, "end_frame": FRAMES},
        **{"frames": FRAMES, "kept": True},
    }


def _pose_row(annotator: str, joints: int, shift: int) -> dict[str, Any]:
    return {
        **{"clip_id": "c", "source_id": "s", "person": 0, "annotator": annotator, "weights_sha256": ""},
        **{"skeleton": BLAZEPOSE_33.name, "frames": 2, "joints": joints, "present": [True, True]},
        **{"x": [80 + shift] * 2 * joints, "y": [80] * 2 * joints, "confidence": [90] * 2 * joints},
    }
