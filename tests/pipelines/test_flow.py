from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.counts import Counts
from pipelines.events import Event, PartDone, Position, SourceDone
from pipelines.flow import Flow
from pipelines.job import Task
from schemas.outcomes import Heartbeat, Kept, Outcome, Rejected
from schemas.reasons import SourceReason
from schemas.records import Clip, Source, SourceReport
from tests.pipelines.engine_stages import Decode, ListWriter, Screen, Work, clip, clip_ids, source, task
from transforms.stage import Stage


def flow(*stages: Stage[Any, Any], clips_per_part: int = 4) -> Flow:
    return Flow(stages or (Decode(), Screen(), Work()), ListWriter(), clips_per_part)


def parts(events: Iterable[Event]) -> list[PartDone]:
    return [event for event in events if isinstance(event, PartDone)]


def clips(events: Iterable[Event]) -> list[Clip]:
    return [clip for part in parts(events) for clip in part.part[1]]


def report(events: Sequence[Event]) -> SourceReport:
    (done,) = [event for event in events if isinstance(event, SourceDone)]
    return done.report


def counts(events: Iterable[Event]) -> dict[str, Any]:
    summed = Counts()
    for event in events:
        summed.add(event)
    stages: dict[str, Any] = summed.as_dict()["stages"]
    return {name: {k: v for k, v in stage.items() if k != "busy_s"} for name, stage in stages.items()}


def test_clips_come_in_parts_of_fixed_candidates_and_the_last_part_carries_the_report() -> None:
    events = list(flow().run(task("a?clips=9")))
    assert [[c.index for c in part.part[1]] for part in parts(events)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8]]
    assert [part.report is not None for part in parts(events)] == [False, False, True]
    assert len({part.part[0] for part in parts(events)}) == 3


def test_a_full_part_is_written_before_the_next_candidate_is_looked_at() -> None:
    events = flow().run(task("a?clips=5&broken_at=4"))
    before_failure = list(_until_part(events))
    assert [c.index for c in clips(before_failure)] == [0, 1, 2, 3]
    assert counts(before_failure)["decode"]["kept"] == 4


def _until_part(events: Iterable[Event]) -> Iterable[Event]:
    for event in events:
        yield event
        if isinstance(event, PartDone):
            return


def test_a_source_without_candidates_still_gives_a_part_with_its_report() -> None:
    (part,) = parts(flow().run(task("a?clips=0")))
    assert part.report is not None
    assert part.clip_ids == ()


def test_rejected_and_failed_clips_are_rows_with_their_reasons_and_without_frames() -> None:
    events = list(flow().run(task("a?clips=4&reject=2&fail=3")))
    assert [c.reject_reasons for c in clips(events)] == [("luminance_low",), (), ("luminance_low",), ()]
    assert [c.error for c in clips(events)] == [None, None, None, "work: ValueError: this clip is odd"]
    assert all(c.frames is None for c in clips(events))
    assert [part.kept for part in parts(events)] == [1, 0]


def test_counts_follow_every_clip_through_the_stages() -> None:
    events = list(flow().run(task("a?clips=6&reject=3&fail=1")))
    assert counts(events) == {
        "decode": {"in": 1, "kept": 6, "rejected": 0, "failed": 0},
        "screen": {"in": 6, "kept": 4, "rejected": 2, "failed": 0},
        "work": {"in": 4, "kept": 3, "rejected": 0, "failed": 1},
    }


def test_a_source_that_breaks_on_the_way_keeps_its_clips_and_fails_with_the_error() -> None:
    events = list(flow().run(task("a?clips=6&broken_at=5")))
    assert [c.index for c in clips(events)] == [0, 1, 2, 3, 4]
    assert (report(events).verdict, report(events).reason) == ("failed", SourceReason.ERROR)
    assert report(events).detail == "decode: OSError: bad sector"


@given(
    count=st.integers(0, 30),
    clips_per_part=st.integers(1, 9),
    committed=st.sets(st.integers(0, 29)),
)
def test_whatever_is_committed_the_rest_is_delivered_once_in_order_in_its_own_chunk(
    count: int, clips_per_part: int, committed: set[int]
) -> None:
    uri = f"a?clips={count}"
    events = list(flow(clips_per_part=clips_per_part).run(task(uri, clip_ids(source(uri), committed))))
    wanted = [index for index in range(count) if index not in committed]
    assert [c.index for c in clips(events)] == wanted
    assert all(len({c.index // clips_per_part for c in part.part[1]}) <= 1 for part in parts(events))
    assert [part.report is not None for part in parts(events)] == [False] * (len(parts(events)) - 1) + [True]
    assert len({part.part[0] for part in parts(events)}) == len(parts(events))
    if wanted:
        assert counts(events)["work"]["in"] == len(wanted)


@given(count=st.integers(0, 30), clips_per_part=st.integers(1, 9), data=st.data())
def test_a_resume_after_any_number_of_parts_writes_exactly_the_parts_that_are_left(
    count: int, clips_per_part: int, data: st.DataObject
) -> None:
    work, start = flow(clips_per_part=clips_per_part), task(f"a?clips={count}&reject=3")
    whole = parts(work.run(start))
    done = data.draw(st.integers(0, len(whole) - 1))
    rest = start
    for event in whole[:done]:
        rest = work.after(rest, event)
    assert parts(work.run(rest)) == whole[done:]


class Watched(Stage[Source, Clip]):
    """Makes a clip only once the pixels of the one before are gone."""

    name = "watched"
    accepts = Source

    def process(self, item: Source) -> Iterable[Outcome[Clip | SourceReport]]:
        for index in range(4):
            made = clip(item, index)
            assert made.frames is not None
            pixels = weakref.ref(made.frames.yuv_THW)
            yield Kept(made) if index % 2 else Rejected(made, ("luminance_low",))
            del made
            if pixels() is not None:
                raise MemoryError(f"the pixels of clip {index} are still held")
        yield Kept(SourceReport(item, "done"))


def test_pixels_of_a_clip_are_gone_before_the_next_is_made() -> None:
    events = list(flow(Watched(), Screen(), Work()).run(task("a")))
    assert report(events).detail is None
    assert len(clips(events)) == 4


class Changeable(Stage[Clip, Clip]):
    name = "changeable"
    accepts = Clip

    def process(self, item: Clip) -> Iterable[Outcome[Clip]]:
        if item.index == 0:
            yield Kept(item)
            raise RuntimeError("after all")
        if item.index == 2:
            yield Kept(item)


def test_a_stage_that_answers_a_clip_twice_or_never_gives_one_failed_clip() -> None:
    events = list(flow(Decode(), Changeable()).run(task("a?clips=3")))
    errors = ["changeable: RuntimeError: after all", "changeable: no outcome", None]
    assert [c.error for c in clips(events)] == errors


class Patient(Stage[Clip, Clip | Heartbeat]):
    name = "patient"
    accepts = Clip

    def process(self, item: Clip) -> Iterable[Outcome[Clip | Heartbeat]]:
        yield Kept(Heartbeat())
        yield Kept(item)


def test_heartbeats_of_a_stage_reach_the_driver_and_are_no_items() -> None:
    events = list(flow(Decode(), Patient(), Work()).run(task("a?clips=2")))
    beats = [event for event in events if isinstance(event, Position)]
    assert len(beats) == 2 + 2 + 2  # decode's, patient's, and one for each finished clip
    assert counts(events)["patient"] == {"in": 2, "kept": 2, "rejected": 0, "failed": 0}
    assert len(clips(events)) == 2


def test_a_position_is_not_ahead_of_the_clips_that_wait() -> None:
    events = list(flow(clips_per_part=1).run(task("a?clips=4")))
    finished = 0
    for event in events:
        finished += isinstance(event, PartDone) and bool(event.clip_ids)
        assert not isinstance(event, Position) or event.reached_s <= finished


class Disorderly(Stage[Source, Clip]):
    name = "disorderly"
    accepts = Source

    def process(self, item: Source) -> Iterable[Outcome[Clip]]:
        yield Kept(clip(item, 1))


def test_candidates_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="has index 1, expected 0"):
        list(flow(Disorderly()).run(task("a")))


class Refusing(Stage[Source, Source]):
    name = "refusing"
    accepts = Source

    def process(self, item: Source) -> Iterable[Outcome[Source]]:
        yield Rejected(item, (SourceReason.TOO_SHORT,))


def test_a_rejected_source_is_reported_with_its_reason() -> None:
    events = list(flow(Refusing(), Decode()).run(task("a?clips=3")))
    assert (report(events).verdict, report(events).reason) == ("rejected", "too_short")
    assert clips(events) == []


def test_a_source_no_stage_reports_on_fails() -> None:
    events = list(flow(Screen()).run(task("a")))
    assert report(events).verdict == "failed"


def test_a_task_that_is_given_up_leaves_a_failed_report_that_counts_the_clips_it_delivered() -> None:
    left = Task(source("a"), frozenset({"x", "y"}), expected_s=9.0)
    part, done = list(flow().give_up(left, SourceReason.CRASHED, "SIGSEGV"))
    assert isinstance(part, PartDone)
    assert part.report is not None
    assert (part.report.verdict, part.report.reason, part.report.clips) == ("failed", "crashed", 2)
    assert done == SourceDone(part.report, 9.0)
