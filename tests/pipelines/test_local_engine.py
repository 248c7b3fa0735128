from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from pipelines.counts import Counts
from pipelines.engines.local.engine import LocalEngine
from pipelines.events import Event, Notice, PartDone, SourceDone
from pipelines.flow import Flow
from schemas.config import LimitsConfig
from schemas.errors import FiguregroundError, WeightsError
from schemas.outcomes import Failed, Kept
from schemas.records import Clip, SourceReport
from tests.pipelines.engine_stages import (
    Decode,
    DiesInSetup,
    FullDisk,
    ListWriter,
    Missing,
    Screen,
    Square,
    Work,
    clip_ids,
    source,
    task,
)

ROOT = Path(__file__).resolve().parents[2]
GOOD = ("good?clips=9&reject=3", "short?clips=2", "empty?clips=0", "odd?clips=5&fail=3")
BAD = {
    "broken?clips=5&broken_at=4": ("error", "bad sector"),
    "segfault?clips=6&segfault=5": ("crashed", "SIGSEGV"),
    "exit?clips=3&exit=0": ("crashed", "exit code 7"),
    "killed?clips=9&slow=4&kill=6": ("crashed", "SIGKILL"),
    "hang?clips=3&hang=1": ("stalled", "no progress for 8 s"),
    "hungry?clips=3&eat=1": ("crashed", "needed more than 250 MiB"),
    "greedy?clips=3&gulp=1": ("crashed", "needed more than 250 MiB"),
}
DELIVERED = {"broken": 4, "segfault": 4, "exit": 0, "killed": 4, "hang": 0, "hungry": 0, "greedy": 0}
"""Clips before the first part that the misdeed keeps from being full, with 4 clips a part."""


@dataclass(frozen=True)
class Aftermath:
    """What a run over good and bad sources left."""

    events: list[Event]
    diary: list[str]

    @property
    def clips(self) -> list[Clip]:
        return [clip for event in self.events if isinstance(event, PartDone) for clip in event.part[1]]

    @property
    def reports(self) -> dict[str, SourceReport]:
        done = [event.report for event in self.events if isinstance(event, SourceDone)]
        assert len({report.source.uri for report in done}) == len(done)
        return {report.source.uri: report for report in done}


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Aftermath:
    diary = tmp_path_factory.mktemp("engine") / "diary"
    flow = Flow((Decode(), Screen(), Work(diary)), ListWriter(), clips_per_part=4)
    engine = LocalEngine(workers=3, memory_mb=250, limits=LimitsConfig(attempts=2, stall_s=8))
    with closing(engine.run(flow, map(task, (*BAD, *GOOD)))) as events:
        return Aftermath(list(events), diary.read_text().splitlines())


def test_every_source_gets_one_verdict_whatever_it_does_to_its_workers(aftermath: Aftermath) -> None:
    verdicts = {uri: report.verdict for uri, report in aftermath.reports.items()}
    assert verdicts == dict.fromkeys(GOOD, "done") | dict.fromkeys(BAD, "failed")


@pytest.mark.parametrize("uri", BAD)
def test_a_source_that_was_given_up_says_why(aftermath: Aftermath, uri: str) -> None:
    reason, words = BAD[uri]
    report = aftermath.reports[uri]
    assert report.reason == reason
    assert words in str(report.detail)


def test_clips_are_delivered_exactly_once(aftermath: Aftermath) -> None:
    times = Counter(clip.clip_id for clip in aftermath.clips)
    assert set(times.values()) == {1}
    by_source = Counter(clip.source.uri for clip in aftermath.clips)
    assert {uri: by_source[uri] for uri in GOOD} == dict(zip(GOOD, (9, 2, 0, 5), strict=True))
    assert {uri.partition("?")[0]: by_source[uri] for uri in BAD} == DELIVERED


def test_parts_a_dead_worker_delivered_are_not_worked_on_again(aftermath: Aftermath) -> None:
    worked_on = Counter(line.split()[0] for line in aftermath.diary)
    first_part, lost = (
        clip_ids(source("segfault?clips=6&segfault=5"), range(4)),
        clip_ids(source("segfault?clips=6&segfault=5"), range(4, 6)),
    )
    assert [worked_on[clip_id] for clip_id in first_part] == [1, 1, 1, 1]
    assert [worked_on[clip_id] for clip_id in lost] == [2, 2]


def test_counts_are_those_of_the_delivered_clips(aftermath: Aftermath) -> None:
    counts = Counts()
    for event in aftermath.events:
        counts.add(event)
    stages = counts.as_dict()["stages"]
    rejected = sum(bool(clip.reject_reasons) for clip in aftermath.clips)
    failed = sum(clip.error is not None for clip in aftermath.clips)
    total = len(aftermath.clips)
    assert stages["decode"]["kept"] == total
    assert (stages["screen"]["in"], stages["screen"]["rejected"]) == (total, rejected)
    assert (stages["work"]["in"], stages["work"]["failed"]) == (total - rejected, failed)
    assert counts.kept_clips == stages["work"]["kept"] == total - rejected - failed
    assert counts.peak_rss_bytes > 10e6


def test_the_user_is_told_of_every_death_and_where_it_happened(aftermath: Aftermath) -> None:
    notices = [event.text for event in aftermath.events if isinstance(event, Notice)]
    crashes = [text for text in notices if text.startswith("segfault")]
    assert ["again" in text for text in crashes] == [True, False]
    assert all("engine_stages.py" in text for text in crashes)


def test_workers_tear_their_stages_down_when_all_is_done(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    flow = Flow((Decode(), Work(diary)), ListWriter())
    list(LocalEngine(workers=2).run(flow, [task("a?clips=1"), task("b?clips=1&slow=0")]))
    lines = diary.read_text().splitlines()
    assert {line.split()[1] for line in lines if line.startswith("teardown")} == {line.split()[1] for line in lines}


def test_committed_clips_are_not_worked_on(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    flow = Flow((Decode(), Work(diary)), ListWriter(), clips_per_part=2)
    committed = clip_ids(source("a?clips=5"), range(2))
    events = list(LocalEngine(workers=1).run(flow, [task("a?clips=5", committed)]))
    delivered = [clip_id for event in events if isinstance(event, PartDone) for clip_id in event.clip_ids]
    assert delivered == clip_ids(source("a?clips=5"), range(2, 5))
    assert not set(committed) & set(diary.read_text().split())


def test_a_stage_that_cannot_be_set_up_ends_the_run_with_its_own_words() -> None:
    flow = Flow((Decode(), Missing()), ListWriter())
    with pytest.raises(WeightsError, match="figureground weights fetch"):
        list(LocalEngine(workers=1).run(flow, [task("a?clips=1"), task("b?clips=1")]))


def test_workers_that_die_while_they_start_end_the_run() -> None:
    flow = Flow((Decode(), DiesInSetup()), ListWriter())
    engine = LocalEngine(workers=1, limits=LimitsConfig(attempts=2))
    with pytest.raises(FiguregroundError, match="workers die before they can begin: exit code 9"):
        list(engine.run(flow, [task("a?clips=1")]))


def test_a_part_that_cannot_be_written_ends_the_run() -> None:
    with pytest.raises(FiguregroundError, match=r"a.clips=1: .*No space left on device"):
        list(LocalEngine(workers=1).run(Flow((Decode(),), FullDisk()), [task("a?clips=1")]))


def test_a_mapping_gives_the_outcomes_of_all_items_and_outlives_a_deadly_one() -> None:
    engine = LocalEngine(workers=2, limits=LimitsConfig(attempts=1))
    outcomes = list(engine.map((Square(),), range(11, 15)))
    kept = sorted(outcome.item for outcome in outcomes if isinstance(outcome, Kept))
    (failed,) = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    assert kept == [121, 144, 196]
    assert failed.item == 13
    assert failed.error == "crashed: its worker had to be replaced once, last: exit code 1"


def test_a_worker_goes_from_one_run_to_the_next_and_ends_with_the_engine(tmp_path: Path) -> None:
    with closing(LocalEngine(workers=1)) as engine:
        assert [outcome.item for outcome in engine.map((Square(),), [3])] == [9]
        (spare,) = workers_of_this_process()
        flow = Flow((Decode(), Work(tmp_path / "diary")), ListWriter())
        assert [event for event in engine.run(flow, [task("a?clips=1")]) if isinstance(event, SourceDone)]
        assert {int(line.split()[1]) for line in (tmp_path / "diary").read_text().splitlines()} == {spare.pid}
    assert not spare.is_running()


def test_a_spare_worker_that_died_is_replaced() -> None:
    with closing(LocalEngine(workers=1)) as engine:
        assert [outcome.item for outcome in engine.map((Square(),), [3])] == [9]
        (spare,) = workers_of_this_process()
        spare.kill()
        assert [outcome.item for outcome in engine.map((Square(),), [4])] == [16]


def workers_of_this_process() -> list[psutil.Process]:
    """Worker processes that this test's engines hold."""
    return [child for child in psutil.Process().children() if "worker_main" in " ".join(child.cmdline())]


def test_a_mapping_over_nothing_starts_nothing() -> None:
    before = set(psutil.Process().children())
    assert list(LocalEngine(workers=2).map((Square(),), [])) == []
    assert set(psutil.Process().children()) <= before


def test_closing_the_events_stops_the_workers(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    flow = Flow((Decode(), Work(diary)), ListWriter(), clips_per_part=1)
    events = LocalEngine(workers=1).run(flow, [task("a?clips=2&hang=1")])
    while not isinstance(next(events), PartDone):
        pass
    events.close()
    assert not alive(diary)


DRIVER = """
import sys
from pathlib import Path
from pipelines.engines.local.engine import LocalEngine
from pipelines.events import PartDone
from pipelines.flow import Flow
from tests.pipelines.engine_stages import Decode, ListWriter, Work, task
flow = Flow((Decode(), Work(Path(sys.argv[1]))), ListWriter(), clips_per_part=1)
try:
    for event in LocalEngine(workers=2).run(flow, [task("a?clips=3&hang=2"), task("b?clips=1&hang=0")]):
        if isinstance(event, PartDone):
            print(event.clip_ids[0], flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def start_driver(diary: Path) -> subprocess.Popen[str]:
    """A driver in its own process group, once both its workers hang."""
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(diary)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not (diary.exists() and diary.read_text().count("\n") == 4):
        assert driver.poll() is None
        time.sleep(0.02)
    return driver


def alive(diary: Path) -> list[int]:
    """Workers that still live a while after they should be gone."""
    pids = {int(line.split()[1]) for line in diary.read_text().splitlines()}
    workers = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    return [worker.pid for worker in psutil.wait_procs(workers, timeout=20)[1]]


def test_a_killed_driver_leaves_no_orphans(tmp_path: Path) -> None:
    driver = start_driver(tmp_path / "diary")
    driver.kill()
    driver.communicate()
    assert not alive(tmp_path / "diary")


def test_ctrl_c_stops_the_workers_after_what_they_delivered_was_passed_on(tmp_path: Path) -> None:
    driver = start_driver(tmp_path / "diary")
    os.killpg(driver.pid, signal.SIGINT)
    said, complaints = driver.communicate()
    assert said.split() == [*clip_ids(source("a?clips=3&hang=2"), range(2)), "interrupted"]
    assert complaints == ""
    assert not alive(tmp_path / "diary")
