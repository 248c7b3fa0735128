"""Who gets which video next, with workers that are only names."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pipelines.farm.schedule import Entry, Given, Recalled, Schedule


def given_to(schedule: Schedule[str]) -> list[tuple[str, str]]:
    return [(d.worker, d.job_id) for d in schedule.decide() if isinstance(d, Given)]


def make(worker: str, job_id: str, schedule: Schedule[str], clips: int = 1) -> None:
    for _ in range(clips):
        schedule.clip_made(worker, job_id)
    schedule.finished(worker, job_id)


def test_high_priority_goes_first_then_what_is_begun_then_the_longest() -> None:
    entries = [Entry("short", 1), Entry("long", 9), Entry("begun", 1, begun=True), Entry("urgent", 1, priority=5)]
    schedule = Schedule[str](entries, ahead=0)
    schedule.join("w")
    order = []
    while not schedule.over:
        ((_, job_id),) = given_to(schedule)
        order.append(job_id)
        make("w", job_id, schedule)
    assert order == ["urgent", "begun", "long", "short"]


def test_a_worker_gets_videos_of_the_shape_it_has_but_never_before_urgent_ones() -> None:
    entries = [Entry("a", 9, "wide"), Entry("b", 8, "high"), Entry("c", 1, "wide"), Entry("d", 1, "high", priority=-1)]
    schedule = Schedule[str](entries, batch=4, ahead=0)
    schedule.join("w")
    assert [job_id for _, job_id in given_to(schedule)] == ["a", "c", "b", "d"]


def test_few_videos_spread_over_all_workers() -> None:
    schedule = Schedule[str]([Entry(f"{n}", 5) for n in range(4)], batch=8)
    for worker in "abcd":
        schedule.join(worker)
    assert Counter(worker for worker, _ in given_to(schedule)) == dict.fromkeys("abcd", 1)


def test_an_idle_worker_gets_a_video_that_waits_at_another() -> None:
    schedule = Schedule[str]([Entry("x", 5), Entry("y", 5)])
    schedule.join("a")
    assert given_to(schedule) == [("a", "x"), ("a", "y")]
    schedule.join("b")
    (recall,) = schedule.decide()
    assert recall == Recalled("a", "y")
    assert not list(schedule.decide()), "it is asked for once"
    schedule.returned("a", "y")
    assert given_to(schedule) == [("b", "y")]


def test_beside_the_longest_video_no_others_are_made_towards_the_end() -> None:
    entries = [Entry("long", 40), *(Entry(f"{n}", 10) for n in range(6))]
    schedule = Schedule[str](entries, batch=4)
    for worker in "ab":
        schedule.join(worker)
    assert ("a", "long") in given_to(schedule)
    assert schedule.held("a") == ("long",)
    assert len(schedule.held("b")) == 5, "as many as it steps together, and one ahead"


def test_many_videos_are_made_in_company_and_by_a_single_worker_always() -> None:
    for workers, others in (("ab", 100), ("a", 4)):
        schedule = Schedule[str]([Entry("long", 40), *(Entry(f"{n}", 10) for n in range(others))], batch=4)
        for worker in workers:
            schedule.join(worker)
        assert Counter(worker for worker, _ in given_to(schedule)) == dict.fromkeys(workers, 5)


def test_when_none_wait_videos_go_from_the_worker_with_most_clips_to_the_one_with_fewest() -> None:
    schedule = Schedule[str]([Entry(name, 4) for name in "uvwxyz"], batch=6)
    schedule.join("a")
    given_to(schedule)
    schedule.join("b")
    while recalled := [decision for decision in schedule.decide() if isinstance(decision, Recalled)]:
        assert [decision.worker for decision in recalled] == ["a"]
        schedule.returned("a", recalled[0].job_id)
    assert [len(schedule.held(worker)) for worker in "ab"] == [3, 3]


def test_a_video_under_suspicion_is_made_alone_and_cleared_by_a_clip() -> None:
    schedule = Schedule[str]([Entry(name, 5) for name in "xyz"], batch=3, ahead=0)
    schedule.join("a")
    given_to(schedule)
    assert schedule.lost("a") == []
    schedule.join("b")
    (first,) = schedule.decide()
    assert first == Given("b", "x", alone=True)
    schedule.clip_made("b", "x")
    schedule.returned("b", "x")
    (second,) = schedule.decide()
    assert second == Given("b", "y", alone=True)


def test_a_poison_video_is_given_up_after_three_deaths_and_its_company_lives() -> None:
    schedule = Schedule[str]([Entry(name, 3, begun=name == "poison") for name in ("poison", "good", "fine")], batch=3)
    given_up: list[str] = []
    for number in range(20):
        worker = f"w{number}"
        schedule.join(worker)
        while held := {d.job_id for d in schedule.decide() if isinstance(d, Given)} | set(schedule.held(worker)):
            if "poison" in held:
                given_up += schedule.lost(worker)
                break
            for job_id in held:
                make(worker, job_id, schedule)
        if schedule.over:
            break
    assert given_up == ["poison"]
    assert number == 2, "no other worker died"


def test_deaths_with_clips_in_between_are_nobodys_fault() -> None:
    schedule = Schedule[str]([Entry("x", 50)])
    for number in range(20):
        worker = f"w{number}"
        schedule.join(worker)
        given_to(schedule)
        schedule.clip_made(worker, "x")
        assert schedule.lost(worker) == []


def test_a_worker_with_less_room_is_given_less() -> None:
    schedule = Schedule[str]([Entry(f"{n}", 5) for n in range(9)], batch=4, ahead=1)
    schedule.join("a")
    assert len(given_to(schedule)) == 5
    schedule.shrink("a", 2)
    for job_id in schedule.held("a")[:3]:
        make("a", job_id, schedule)
    assert len(given_to(schedule)) == 1


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 2), st.sampled_from("ab")), min_size=1, max_size=12),
    st.integers(1, 3),
    st.integers(1, 4),
    st.randoms(use_true_random=False),
)
def test_every_video_ends_once_whatever_dies_or_is_handed_back(jobs, batch, workers, chance) -> None:
    entries = [Entry(f"{n}", clips, shape, priority) for n, (clips, priority, shape) in enumerate(jobs)]
    left = {entry.job_id: entry.clips for entry in entries}
    schedule = Schedule[int](entries, batch, deaths=3)
    ended: Counter[str] = Counter()
    living, alone, born = list(range(workers)), set(), workers
    for worker in living:
        schedule.join(worker)
    for _ in range(2000):
        for decision in schedule.decide():
            if isinstance(decision, Given):
                alone |= {decision.job_id} if decision.alone else set()
            elif decision.job_id in schedule.held(decision.worker):
                schedule.returned(decision.worker, decision.job_id)
        if schedule.over:
            break
        worker = chance.choice([w for w in living if schedule.held(w)])
        if chance.random() < 0.15:
            ended.update(schedule.lost(worker))
            living.remove(worker)
            living.append(born)
            schedule.join(born)
            born += 1
            continue
        job_id = chance.choice(schedule.held(worker))
        schedule.clip_made(worker, job_id)
        left[job_id] -= 1
        if left[job_id] <= 0:
            schedule.finished(worker, job_id)
            ended[job_id] += 1
        elif job_id in alone:
            schedule.returned(worker, job_id)
        alone.discard(job_id)
    assert schedule.over
    assert ended == Counter(entry.job_id for entry in entries)
