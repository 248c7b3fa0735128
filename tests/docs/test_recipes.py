"""Every recipe gives the right answer on a corpus whose answer is known."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from pipelines.corpus.committer import Committer
from pipelines.corpus.duplicates import mark_near_duplicates
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


def made(root: Path, names: Iterable[str], near_duplicate_bits: float | None = None) -> Corpus:
    """With the ten clips of each source; near-duplicates set aside if bits are given."""
    with Committer(root, Config()) as committer:
        for name in names:
            clips = clips_of(name)
            report = make_report(clips[0].source, CLIPS)
            committer.add(PartWriter(root).write(part_id_of(clips[0].source.source_id, 0), clips, report))
        if near_duplicate_bits is not None:
            mark_near_duplicates(committer, near_duplicate_bits)
    return Corpus(root)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return made(tmp_path_factory.mktemp("recipes") / "corpus", LICENCES)


@contextmanager
def stored(**rows: list[dict[str, Any]]) -> Iterator[duckdb.DuckDBPyConnection]:
    """The views over such rows, by table; columns that a row lacks are null."""
    with duckdb.connect() as connection:
        for name, table in TABLES.items():
            full = [dict.fromkeys(table.schema.names) | row for row in rows.get(name, [])]
            connection.register(f"{STORED}{name}", pa.Table.from_pylist(full, table.schema))
        for statement in view_statements({"poses": "one", "masks": "one", "tracks": "one"}):
            connection.execute(statement)
        yield connection


def ask(corpus: Corpus, number: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = run_query(corpus, recipe(number)).table.to_pylist()
    return rows


def test_there_are_ten_and_each_says_what_it_answers() -> None:
    paths = sorted(RECIPES.glob("*.sql"))
    assert [int(path.name[:2]) for path in paths] == list(range(1, 11))
    assert all(path.read_text().startswith("-- ") for path in paths)


def test_a_corpus_in_which_one_clip_in_twenty_moves_gives_as_many_moving_clips_as_still_ones() -> None:
    motions = {f"clip{i}": 0.3 if i % 20 == 0 else 0.002 for i in range(2000)}
    clips = [_kept_row() | {"clip_id": name, "background_motion": motion} for name, motion in motions.items()]
    clips += [_kept_row() | {"clip_id": f"slow{i}", "background_motion": 0.02} for i in range(7)]
    with stored(clips=clips) as connection:
        chosen = connection.execute(recipe(1)).fetchall()
    with stored(clips=clips[::-1]) as connection:
        assert connection.execute(recipe(1)).fetchall() == chosen, "the same every time"
    assert Counter(band for _, band, _ in chosen) == {"still": 50, "slow": 7, "fast": 50}
    assert all(motion == motions[name] for name, band, motion in chosen if band != "slow")


def test_near_duplicates_are_found_across_sources_with_their_distance(corpus: Corpus) -> None:
    bits = {(row["clip_id"], row["looks_like"]): row["bits_apart"] for row in ask(corpus, 2)}
    first = sorted((clips_of(name)[1].clip_id, "abc".index(name)) for name in LICENCES)
    want = {(a, b): (i ^ j).bit_count() / 5 for k, (a, i) in enumerate(first) for b, j in first[k + 1 :]}
    assert bits == want


def test_clips_that_were_set_aside_are_listed_with_the_one_they_resemble(tmp_path: Path) -> None:
    corpus = made(tmp_path / "corpus", "ab", near_duplicate_bits=6)
    kept, copy = sorted(
        (row["kept"], row["clip_id"]) for row in corpus.arrow("clips").to_pylist() if row["start_frame"] == FRAMES
    )[::-1]
    row = {"clip_id": copy[1], "looks_like": kept[1], "set_aside": True, "same_source": False, "bits_apart": 0.2}
    assert (kept[0], copy[0]) == (True, False)
    assert ask(corpus, 2) == [row]


def test_the_most_moving_ground_comes_first_and_the_persons_are_still(corpus: Corpus) -> None:
    rows = ask(corpus, 3)
    motions = [row["background_motion"] for row in rows]
    assert motions == sorted(motions, reverse=True)
    assert motions[0] == 0.9
    assert all(row["person_motion"] < 0.3 for row in rows)


def test_ground_that_is_still_does_not_move_however_still_the_person() -> None:
    still = _kept_row() | {"background_motion": 0.044, "person_motion": 0.0}
    moving = still | {"clip_id": "moving", "background_motion": 0.046}
    with stored(clips=[still, moving]) as connection:
        assert [row[0] for row in connection.execute(recipe(3)).fetchall()] == ["moving"]


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
    joints = len(BLAZEPOSE_33.joints)
    poses = [_pose_row(annotator, joints, 8 * shift) for annotator, shift in (("one", 0), ("two", 3))]
    with stored(clips=[_kept_row()], poses=poses) as connection:
        rows = connection.execute(recipe(7)).fetchall()
    assert rows == [("poses", "c", 0, "one", "two", 2 * joints, "px", 3.0, 3.0)]


def test_masks_of_two_annotators_differ_by_a_share_of_the_larger_one_person_by_person() -> None:
    areas = {("one", 0): [100, 80, 0], ("two", 0): [50, 80, 0], ("one", 1): [10, 10, 10], ("two", 1): [10, 10, 40]}
    shape = {"clip_id": "c", "source_id": "s", "weights_sha256": "", "frames": 3}
    masks = [shape | {"annotator": name, "person": who, "area_px": px} for (name, who), px in areas.items()]
    with stored(clips=[_kept_row()], masks=masks) as connection:
        rows = connection.execute(recipe(7)).fetchall()
    both = ("one", "two")
    assert rows == [
        ("masks", "c", 0, *both, 2, "share of area", 0.25, 0.475),
        ("masks", "c", 1, *both, 3, "share of area", 0.0, 0.675),
    ]


def test_one_annotator_disagrees_with_nobody(corpus: Corpus) -> None:
    assert ask(corpus, 7) == []


def test_the_audit_counts_clips_and_seconds_by_licence(corpus: Corpus) -> None:
    seconds = float(sum(range(2, 11)))
    assert [tuple(row.values()) for row in ask(corpus, 8)] == [
        ("videos", "CC0", False, 2, 18, 2 * seconds),
        ("videos", "unknown", False, 1, 9, seconds),
        ("tracks", "lucas_kanade", False, 3, 27, 3 * seconds),
        ("poses", "blazepose", False, 3, 27, 3 * seconds),
        ("masks", "blazepose", False, 3, 27, 3 * seconds),
    ]


def test_content_that_was_listed_under_two_licences_is_said_to_be_in_conflict() -> None:
    licences = {"/a.mp4": "CC0", "/b.mp4": "CC-BY-NC", "/c.mp4": None}
    source = {"source_id": "s", "sha256": "s", "verdict": "done"}
    sources = [source | {"uri": uri, "licence": licence} for uri, licence in licences.items()]
    with stored(sources=sources, clips=[_kept_row() | {"duration_s": 2.0}]) as connection:
        assert connection.execute("SELECT licence FROM clips").fetchall() == [("CC0",)]
        assert connection.execute(recipe(8)).fetchall() == [("videos", "CC-BY-NC / CC0", True, 1, 1, 2.0)]


def test_the_yield_is_the_share_of_a_source_that_was_kept(corpus: Corpus) -> None:
    rows = ask(corpus, 9)
    assert {(row["candidates"], row["kept"], row["kept_share"]) for row in rows} == {(10, 9, 0.9)}
    assert {row["dearest_reason"] for row in rows} == {"luminance_low"}


def test_a_copy_of_a_source_is_not_counted_again() -> None:
    source = {"source_id": "s", "sha256": "s", "verdict": "done", "duration_s": 8.0}
    copy = source | {"uri": "/b.mp4", "verdict": "rejected", "reason": "duplicate", "duration_s": None}
    clip = _kept_row() | {"start_s": 0.0, "end_s": 4.0}
    with stored(sources=[source | {"uri": "/a.mp4"}, copy], clips=[clip]) as connection:
        asked = f"SELECT uri, candidates, kept, kept_s, kept_share FROM ({recipe(9)}) ORDER BY uri"
        rows = connection.execute(asked).fetchall()
    assert rows == [("/a.mp4", 1, 1, 4.0, 0.5), ("/b.mp4", 0, 0, 0.0, None)]


def test_the_cost_is_divided_among_the_seconds_that_were_kept() -> None:
    counts = json.dumps({"stages": {"decode": {"busy_s": 6.0}, "encode": {"busy_s": 2.0}}})
    run = dict.fromkeys(TABLES["runs"].schema.names, "") | {"started_at": None, "seconds": 5.0, "workers": 2}
    commands = {"first": "curate", "second": "curate", "another": "annotate masks selfie"}
    runs = [run | {"run_id": name, "command": verb, "counts": counts} for name, verb in commands.items()]
    with stored(clips=[_kept_row() | {"duration_s": 4.0}], runs=runs) as connection:
        rows = connection.execute(recipe(10)).fetchall()
    assert rows == [
        ("decode", 12.0, 4.0, 3.0),
        ("wall time of curate", 10.0, 4.0, 2.5),
        ("annotate masks selfie", 5.0, 4.0, 1.25),
        ("encode", 4.0, 4.0, 1.0),
    ]


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
