from __future__ import annotations

import io
import json

import pytest

from pipelines.counts import Counts
from pipelines.events import Event, Notice, PartDone, Planned, Position, SourceDone, StageCount, Waiting, WorkerMemory
from pipelines.progress import Mode, Progress
from pipelines.timeleft import TimeLeft, in_words
from schemas.records import Source, SourceReport


def done(uri: str, duration_s: float | None = None, expected_s: float | None = None, size: int = 100) -> SourceDone:
    verdict, reason = ("failed", "crashed") if duration_s is None else ("done", None)
    return SourceDone(SourceReport(Source(uri, "0" * 64, size), verdict, reason, duration_s=duration_s), expected_s)


def counted(*events: Event) -> Counts:
    counts = Counts()
    for event in events:
        counts.add(event)
    return counts


def test_counts_of_a_stage_add_up_and_lost_work_is_taken_back() -> None:
    lost = StageCount("pose", received=2, kept=1, rejected=1, busy_s=3.0)
    counts = counted(StageCount("pose", received=5, kept=4, failed=1, busy_s=1.5), lost, lost.taken_back())
    assert counts.stages["pose"] == StageCount("pose", received=5, kept=4, failed=1, busy_s=4.5)


def test_counts_tell_sources_by_verdict_and_reason_and_clips_by_parts() -> None:
    counts = counted(PartDone(None, ("a", "b", "c"), kept=2), done("x", 30.0), done("y"), WorkerMemory(1, 2**30))
    tree = counts.as_dict()
    assert tree["sources"] == {"done": 1, "failed": 1}
    assert tree["reasons"] == {"crashed": 1}
    assert (tree["clips"], tree["kept_clips"], tree["peak_rss_mb"]) == (3, 2, 1024)
    json.dumps(tree)


def test_video_behind_us_never_goes_back_and_a_finished_source_counts_its_real_length() -> None:
    counts = counted(Position("x", 20.0), Position("x", 5.0), Position("y", 1.0))
    assert counts.seconds_reached == 21.0
    counts.add(done("x", 40.0))
    counts.add(done("y"))
    assert counts.seconds_reached == 41.0


def left(events: list[Event], elapsed_s: float) -> float | None:
    time_left, counts = TimeLeft(), counted(*events)
    for event in events:
        time_left.add(event)
    return time_left.seconds(counts, elapsed_s)


def test_time_left_is_the_rest_of_the_video_at_the_speed_so_far() -> None:
    plan = Planned(3, known_s=300.0)
    assert left([plan, done("x", 100.0, 100.0), Position("y", 50.0)], elapsed_s=75.0) == pytest.approx(75.0)


def test_time_left_is_silent_until_there_is_evidence() -> None:
    plan = Planned(2, known_s=4000.0)
    assert left([plan, Position("x", 30.0)], elapsed_s=60.0) is None
    assert left([plan, Position("x", 70.0)], elapsed_s=60.0) is not None
    assert left([plan, Position("x", 70.0)], elapsed_s=5.0) is None


def test_sources_of_unknown_length_are_measured_by_the_bytes_of_finished_ones() -> None:
    plan = Planned(3, known_s=100.0, unknown_bytes=300)
    assert left([plan, Position("x", 90.0)], elapsed_s=60.0) is None
    seconds = left([plan, done("x", 100.0, 100.0, size=200), done("y", 50.0, None, size=100)], elapsed_s=150.0)
    assert seconds == pytest.approx(200 * 150 / 300)


def test_a_source_that_crashed_is_no_longer_ahead() -> None:
    plan = Planned(2, known_s=200.0)
    assert left([plan, done("x", 100.0, 100.0), done("y", None, 100.0)], elapsed_s=50.0) == 0.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "estimating time left"),
        (1.0, "about 5 s left"),
        (44.0, "about 45 s left"),
        (100.0, "about 2 min left"),
        (7200.0, "about 2.0 h left"),
    ],
)
def test_a_time_left_is_told_no_finer_than_it_is_known(seconds: float | None, words: str) -> None:
    assert in_words(seconds) == words


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(mode: Mode | None, terminal: bool = False) -> str:
    screen = Terminal() if terminal else io.StringIO()
    with Progress(mode, screen) as progress:
        progress(Planned(2, known_s=60.0))
        progress(StageCount("decode", received=1, kept=7))
        progress(Notice("a worker [died]"))
        progress(done("x", 30.0, 30.0))
    return screen.getvalue()


def test_a_terminal_sees_a_row_per_stage_and_where_the_run_stands() -> None:
    picture = shown(None, terminal=True)
    assert "decode" in picture
    assert "rejected" in picture
    assert "1/2 sources, 30 s of video" in picture
    assert "estimating time left" in " ".join(picture.split())
    assert "a worker [died]" in picture


def test_a_file_gets_plain_lines() -> None:
    lines = shown(None).splitlines()
    assert lines[0] == "a worker [died]"
    assert lines[-1].startswith("1/2 sources, 30 s of video")
    assert "\x1b" not in "".join(lines)


def test_json_lines_can_be_parsed_one_by_one() -> None:
    notice, last = map(json.loads, shown(Mode.JSON).splitlines())
    assert notice == {"event": "notice", "text": "a worker [died]"}
    assert (last["sources_planned"], last["sources"], last["time_left_s"]) == (2, {"done": 1}, None)
    assert last["stages"]["decode"]["kept"] == 7


def test_quiet_is_quiet() -> None:
    assert shown(Mode.QUIET) == ""


def test_what_waits_before_a_stage_is_shown_while_it_waits() -> None:
    out = io.StringIO()
    progress = Progress(Mode.JSON, out)
    for event in (Planned(5), StageCount("decode", kept=3), Waiting("annotate", 2), Position("a", 1.0), done("b", 2.0)):
        progress(event)
    assert progress.waiting() == {"decode": 3, "annotate": 2}
    progress(Waiting("annotate", 0))
    with progress:
        pass
    assert json.loads(out.getvalue().splitlines()[-1])["waiting"] == {"decode": 3, "annotate": 0}
