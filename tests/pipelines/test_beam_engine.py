"""The Beam engine on Beam's own runners: replays, dead workers and dead drivers change nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipelines.counts import Counts
from pipelines.engines.base import Engine
from pipelines.engines.beam import BeamEngine
from pipelines.engines.local import LocalEngine
from pipelines.events import Event, Notice, PartDone, SourceDone
from pipelines.flow import Flow
from schemas.config import BeamConfig, LimitsConfig
from schemas.errors import ConfigError, WeightsError
from tests.pipelines.beam_services import IN_SUBPROCESSES, ROOT, Gate, job_service
from tests.pipelines.engine_stages import Decode, ListWriter, Missing, Screen, Work, clip_ids, source, task

LIMITS = LimitsConfig(attempts=2, stall_s=8)
SOURCES = (
    "good?clips=9&reject=3",
    "short?clips=2",
    "empty?clips=0",
    "odd?clips=5&fail=3",
    "broken?clips=5&broken_at=4",
    "segfault?clips=6&segfault=5",
    "hang?clips=3&hang=1",
    "hungry?clips=3&eat=1",
)
SEVERAL_PROCESSES = ("--runner=DirectRunner", "--direct_running_mode=multi_processing", "--direct_num_workers=2")
IN_PROCESS = ("--direct_running_mode=in_memory", "--direct_num_workers=1")


@dataclass(frozen=True)
class Result:
    """What a run delivered, in an order of its own."""

    events: list[Event]
    counts: dict[str, Any]
    clips: list[str]
    verdicts: list[tuple[str, str, str | None]]


def result_of(engine: Engine, sources: tuple[str, ...], diary: Path | None = None) -> Result:
    flow = Flow((Decode(), Screen(), Work(diary)), ListWriter(), clips_per_part=4)
    with closing(engine.run(flow, map(task, sources))) as events:
        return gathered(list(events))


def gathered(events: list[Event]) -> Result:
    counts = Counts()
    for event in events:
        counts.add(event)
    tree = counts.as_dict()
    stages = {name: {k: v for k, v in s.items() if k != "busy_s"} for name, s in tree["stages"].items()}
    reports = [event.report for event in events if isinstance(event, SourceDone)]
    return Result(
        events,
        {"stages": stages} | {key: tree[key] for key in ("sources", "reasons", "clips", "kept_clips")},
        sorted(clip_id for event in events if isinstance(event, PartDone) for clip_id in event.clip_ids),
        sorted((r.source.uri, str(r.verdict), r.detail) for r in reports),
    )


@pytest.fixture(scope="module")
def expected() -> Result:
    return result_of(LocalEngine(2, memory_mb=250, limits=LIMITS), SOURCES)


@pytest.fixture(scope="module")
def replayed() -> Result:
    options = (*SEVERAL_PROCESSES, "--direct_runner_bundle_repeat=2")
    return result_of(BeamEngine(config=BeamConfig(options=options), limits=LIMITS, memory_mb=250), SOURCES)


def test_replayed_bundles_in_several_processes_deliver_every_clip_once(replayed: Result, expected: Result) -> None:
    assert replayed.clips == expected.clips
    assert len(set(replayed.clips)) == len(replayed.clips)


def test_poison_costs_its_own_source_alone_and_says_why_as_on_the_local_engine(
    replayed: Result, expected: Result
) -> None:
    assert replayed.verdicts == expected.verdicts


def test_replays_are_not_counted(replayed: Result, expected: Result) -> None:
    assert replayed.counts == expected.counts


def test_the_user_is_told_of_every_death_once(replayed: Result) -> None:
    notices = [event.text for event in replayed.events if isinstance(event, Notice)]
    told = ["again" in text for text in notices if text.startswith("segfault")]  # in any order: workers report apart
    assert sorted(told) == [False, True]


@pytest.fixture(scope="module")
def portable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ...]]:
    with job_service(tmp_path_factory.mktemp("job_service")) as options:
        yield options


@pytest.mark.slow
def test_a_killed_worker_of_the_job_service_loses_and_doubles_nothing(
    portable: tuple[str, ...], tmp_path: Path
) -> None:
    diary, gate = tmp_path / "diary", tmp_path / "gate"
    sources = tuple(f"source{number}?clips=9" for number in range(6))
    flow = Flow((Decode(), Screen(), Gate(diary, gate)), ListWriter(), clips_per_part=4)
    events: list[Event] = []
    engine = BeamEngine(config=BeamConfig(options=(*portable, *IN_SUBPROCESSES), silence_s=6))
    with closing(engine.run(flow, map(task, sources))) as running:
        for event in running:
            if isinstance(event, PartDone) and not any(isinstance(e, PartDone) for e in events):
                harness_of_the_last_clip(diary).kill()
                gate.touch()
            events.append(event)
    found, undisturbed = gathered(events), result_of(LocalEngine(2), sources)
    assert (found.clips, found.verdicts, found.counts) == (undisturbed.clips, undisturbed.verdicts, undisturbed.counts)
    assert [e.text for e in events if isinstance(e, Notice) and "submitting what is left again" in e.text]


def harness_of_the_last_clip(diary: Path) -> psutil.Process:
    harness = psutil.Process(int(diary.read_text().split()[-1])).parent()
    assert harness is not None
    assert "sdk_worker_main" in harness.cmdline()[-1]
    return harness


@pytest.mark.slow
def test_what_no_worker_can_do_ends_the_run_in_its_own_words_through_the_job_service(portable: tuple[str, ...]) -> None:
    engine = BeamEngine(config=BeamConfig(options=(*portable, "--environment_type=LOOPBACK")))
    with pytest.raises(WeightsError, match="figureground weights fetch"):
        list(engine.run(Flow((Decode(), Missing()), ListWriter()), [task("a?clips=1"), task("b?clips=1")]))


def test_an_option_that_beam_does_not_know_is_refused_by_name() -> None:
    engine = BeamEngine(config=BeamConfig(options=("--direct_num_worker=2",)))
    with pytest.raises(ConfigError, match="direct_num_worker"):
        list(engine.run(Flow((Decode(),), ListWriter()), [task("a?clips=1")]))


def test_nothing_to_do_starts_nothing() -> None:
    before = set(psutil.Process().children())
    assert list(BeamEngine().run(Flow((Decode(),), ListWriter()), [])) == []
    assert set(psutil.Process().children()) == before


DRIVER = """
import sys
from pathlib import Path
from pipelines.engines.beam import BeamEngine
from pipelines.flow import Flow
from schemas.config import BeamConfig
from tests.pipelines.engine_stages import Decode, ListWriter, Work, task
flow = Flow((Decode(), Work(Path(sys.argv[1]))), ListWriter(), clips_per_part=1)
try:
    for event in BeamEngine(config=BeamConfig(options=sys.argv[2:])).run(flow, [task("a?clips=3&hang=2")]):
        if type(event).__name__ == "PartDone":
            print(event.clip_ids[0], flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@dataclass(frozen=True)
class Driver:
    """A driver whose worker hangs, and every process that descends from it."""

    process: subprocess.Popen[str]
    family: list[psutil.Process]


def start_driver(diary: Path, *options: str) -> Driver:
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(diary), *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not (diary.exists() and diary.read_text().count("\n") == 3):
        assert driver.poll() is None
        time.sleep(0.05)
    return Driver(driver, psutil.Process(driver.pid).children(recursive=True))


@pytest.mark.slow
def test_a_killed_driver_leaves_no_process_behind(tmp_path: Path) -> None:
    driver = start_driver(tmp_path / "diary", *SEVERAL_PROCESSES)
    assert sum("sdk_worker_main" in process.cmdline()[-1] for process in driver.family) >= 2
    driver.process.kill()
    driver.process.communicate()
    assert not psutil.wait_procs(driver.family, timeout=30)[1]


def test_ctrl_c_passes_on_what_was_delivered_and_ends_every_process(tmp_path: Path) -> None:
    driver = start_driver(tmp_path / "diary", *IN_PROCESS)
    os.killpg(driver.process.pid, signal.SIGINT)
    said, complaints = driver.process.communicate()
    assert said.split() == [*clip_ids(source("a?clips=3&hang=2"), range(2)), "interrupted"]
    assert complaints == ""
    assert not psutil.wait_procs(driver.family, timeout=30)[1]
