"""What workers and driver of a Beam job tell each other, when several attempts at one task tell it at once."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.counts import Counts
from pipelines.engines.beam.exchange import Beat, Brief, Exchange
from pipelines.engines.beam.harvest import Harvest
from pipelines.engines.beam.lane import DriverGone, Lane
from pipelines.engines.beam.tasklog import Overtaken, TaskLog
from pipelines.events import Event, PartDone, Position, SourceDone, StageCount
from pipelines.flow import Flow
from pipelines.job import Task
from schemas.config import LimitsConfig
from schemas.errors import FiguregroundError
from schemas.records import SourceReport
from tests.pipelines.engine_stages import Decode, ListWriter, Work, clip_ids, source, task

FLOW = Flow((Decode(), Work()), ListWriter(), clips_per_part=2)


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    exchange = Exchange(tmp_path / "run-1")
    exchange.create(Brief(FLOW, LimitsConfig(), 1, None, 1))
    yield exchange
    exchange.remove()


def part(index: int, *, last: bool = False) -> list[Event]:
    of = source("a")
    report = SourceReport(of, "done", clips=4) if last else None
    done = PartDone(index, tuple(clip_ids(of, range(index, index + 2))), 2, report)
    count = StageCount("decode", kept=2)
    return [count, done, SourceDone(report, None)] if report else [count, done]


def put(log: TaskLog, events: list[Event]) -> None:
    for event in events:
        log.put(event)


def test_an_attempt_goes_on_where_the_one_before_it_died(exchange: Exchange) -> None:
    put(TaskLog(exchange, 0), part(0))
    second = TaskLog(exchange, 0)
    rest: Task = second.replay(FLOW, task("a"))
    assert rest.committed == set(clip_ids(source("a"), range(2)))
    put(second, part(2, last=True))
    second.close()
    third = TaskLog(exchange, 0)
    third.replay(FLOW, task("a"))
    assert third.finished


def test_of_two_attempts_at_the_same_time_one_is_overtaken(exchange: Exchange) -> None:
    first, second = TaskLog(exchange, 0), TaskLog(exchange, 0)
    put(first, part(0))
    with pytest.raises(Overtaken):
        put(second, part(0))


def test_an_attempt_that_comes_after_the_end_finds_the_task_finished(exchange: Exchange) -> None:
    late = TaskLog(exchange, 0)
    log = TaskLog(exchange, 0)
    put(log, part(0, last=True))
    log.close()
    harvest = Harvest(exchange, 1)
    assert len(list(harvest.events())) == 3
    assert harvest.complete
    with pytest.raises(Overtaken):
        put(late, part(0))
    assert TaskLog(exchange, 0).finished


def test_records_are_delivered_once_and_with_the_counts_that_led_to_them(exchange: Exchange) -> None:
    harvest, log = Harvest(exchange, 1), TaskLog(exchange, 0)
    log.put(StageCount("decode", kept=1))
    assert list(harvest.events()) == []
    put(log, [StageCount("decode", kept=1), *part(0)[1:]])
    assert list(harvest.events()) == part(0)
    assert list(harvest.events()) == []
    assert not harvest.complete


def test_a_place_is_reported_only_as_long_as_its_task_is_at_work(exchange: Exchange) -> None:
    harvest, log, place = Harvest(exchange, 1), TaskLog(exchange, 0), Position("a", 2.0)
    exchange.beat("worker", Beat(1, 0, place))
    assert list(harvest.signs_of_life()) == [place]
    assert list(harvest.signs_of_life()) == []
    put(log, part(0, last=True))
    log.close()
    list(harvest.events())
    exchange.beat("worker", Beat(2, 0, place))
    assert list(harvest.signs_of_life()) == [None]


def test_copies_of_a_bundle_at_the_same_time_deliver_every_clip_once(exchange: Exchange) -> None:
    tasks = [task(f"source{n}?clips=9&slow=3") for n in range(3)]
    exchange.put_tasks(tasks)
    bundle = [pair for chunk in exchange.chunks() for pair in exchange.tasks(chunk)]

    def copy() -> None:
        lane = Lane(exchange)
        for number, pickled in bundle:
            lane.work(number, pickled)
        lane.close()

    copies = [threading.Thread(target=copy) for _ in range(3)]
    for thread in copies:
        thread.start()
    for thread in copies:
        thread.join()
    counts, clips = Counts(), []
    for event in Harvest(exchange, 3).events():
        counts.add(event)
        clips += event.clip_ids if isinstance(event, PartDone) else ()
    assert sorted(clips) == sorted(clip_id for t in tasks for clip_id in clip_ids(t.source, range(9)))
    assert counts.as_dict()["stages"]["work"]["kept"] == counts.clips == 27
    assert counts.verdicts == {"done": 3}


def test_a_worker_stops_when_the_run_is_over(exchange: Exchange) -> None:
    lane = Lane(exchange)
    endless = pickle.dumps(task("a?clips=1&hang=0"))
    threading.Timer(1.0, exchange.remove).start()
    with pytest.raises(DriverGone):
        lane.work(0, endless)
    lane.close()


def test_a_worker_that_does_not_see_the_folder_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(FiguregroundError, match=r"does not see .*set beam\.exchange to a folder"):
        Lane(Exchange(tmp_path / "elsewhere"))


def test_a_run_whose_driver_is_long_dead_is_removed_and_a_living_one_is_not(exchange: Exchange) -> None:
    import os

    dead, alive = (Exchange(exchange.root.parent / name) for name in ("run-dead", "run-alive"))
    for other in (dead, alive):
        other.create(exchange.brief())
    os.utime(dead.root / "pulse", (0, 0))
    exchange.remove_abandoned()
    assert not dead.root.exists()
    assert alive.pulse() is not None
    assert exchange.pulse() is not None
