"""Inputs that came to nothing are named after a run, with why; however many there are."""

from __future__ import annotations

import json
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.events import Position, SourceDone
from pipelines.undone import MOST_NAMED, Undone
from schemas.reasons import SourceReason, verdict_of
from tests.pipelines.corpus_records import make_report, make_source
from tests.pipelines.simulated import pretend


def ended(uri: str, reason: SourceReason | None, detail: str = "as it is") -> SourceDone:
    verdict = "done" if reason is None else verdict_of(reason)
    report = make_report(replace(make_source("a"), uri=uri), verdict=verdict, reason=reason)
    return SourceDone(replace(report, detail=detail), 1.0)


def test_failed_inputs_come_first_then_by_name_in_whatever_order_they_end() -> None:
    events = [ended(f"{n:02d}.mp4", SourceReason.CRASHED if n % 7 == 6 else SourceReason.EMPTY) for n in range(14)]
    random.Random(0).shuffle(events)
    undone = Undone()
    for event in [*events, ended("fine.mp4", None), Position("06.mp4", 1.0)]:
        undone.add(event)
    lines = list(undone.lines())
    assert lines[:3] == [
        "  failed (crashed): 06.mp4: as it is",
        "  failed (crashed): 13.mp4: as it is",
        "  rejected (empty): 00.mp4: as it is",
    ]
    assert lines[10:] == ["  and 4 rejected (empty)"]


def test_of_many_inputs_a_hundred_are_held_and_all_are_counted() -> None:
    undone = Undone()
    for number in range(3 * MOST_NAMED):
        undone.add(ended(f"{number:04d}", SourceReason.EMPTY if number % 3 else SourceReason.STALLED))
    tree = undone.as_dict()
    assert [one["uri"] for one in tree["not_done"]] == [f"{number:04d}" for number in range(0, 3 * MOST_NAMED, 3)]
    assert tree["not_done_unnamed"] == 2 * MOST_NAMED
    assert list(undone.lines())[-1] == "  and 200 rejected (empty), 90 failed (stalled)"


def test_an_input_is_one_line_whatever_its_name_and_detail_hold() -> None:
    undone = Undone()
    undone.add(ended("a\n\x1b[2Jb.mp4", SourceReason.ERROR, "first\nsecond " + "and more " * 100))
    (line,) = undone.lines()
    assert line.isprintable()
    assert line.startswith("  failed (error): a\\n\\x1b[2Jb.mp4: first second and more")
    assert len(line) < 250


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """A good file, a copy of it, and a pipe, which cannot be read."""
    folder = tmp_path / "inputs"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4"):
        (folder / name).write_text("the same content")
    os.mkfifo(folder / "pipe.mp4")
    (folder / "list.txt").write_text("a.mp4\nb.mp4\npipe.mp4\n")
    return folder


def test_the_summary_names_what_failed_and_what_was_rejected(inputs: Path) -> None:
    run = pretend("curate", inputs / "list.txt", "--corpus", inputs / "corpus", "--quiet")
    assert run.returncode == 3, run.stderr
    first, *others = run.stdout.splitlines()
    assert first.startswith("3 inputs: 1 done, 1 failed, 1 rejected.")
    assert others[0].startswith(f"  failed (unreadable): {inputs / 'pipe.mp4'}: ")
    assert "no regular file" in others[0]
    assert others[1].startswith(f"  rejected (duplicate): {inputs / 'b.mp4'}: another input has the same content")
    assert others[2].startswith("Next: ")


def test_an_input_that_cannot_be_read_is_planned_and_belongs_to_a_stage(inputs: Path) -> None:
    run = pretend("curate", inputs / "list.txt", "--corpus", inputs / "corpus", "--json")
    done = json.loads(run.stdout.splitlines()[-1])
    named = {Path(one["uri"]).name: (one["verdict"], one["reason"]) for one in done["not_done"]}
    assert named == {"pipe.mp4": ("failed", "unreadable"), "b.mp4": ("rejected", "duplicate")}
    assert done["not_done_unnamed"] == 0
    looked = done["stages"]["fingerprint"]
    assert {name: looked[name] for name in ("in", "kept", "rejected", "failed")} == {
        "in": 3, "kept": 1, "rejected": 1, "failed": 1
    }  # fmt: skip
    last = json.loads(run.stderr.splitlines()[-1])
    assert (last["sources_planned"], last["waiting"]["decode"]) == (3, 0)
