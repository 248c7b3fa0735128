"""The farm's scheduling with simulated GPUs: how busy they are, how long the tail is, whether priorities are obeyed.

Run: python -m infra.benchmarks.farm_schedule                                  # 1, 4, 16 and 64 workers, 2,000 jobs
     python -m infra.benchmarks.farm_schedule --sleep --workers 4 --jobs 100   # workers are threads that really sleep
The schedule is the one that renders; what is simulated is a worker: it reads a video's inputs in --prepare seconds
beside its model, steps up to --batch videos of a shape in --clip seconds (--more of it for every further one), and
tells the driver. Without --sleep time is simulated, too, so that an hour takes seconds, and the driver's own time is
measured. Busy: share of all workers' time in which the model runs. Tail: share of the whole time from which on some
worker has nothing left. Out of order: pairs of videos in which one of lower priority was begun before one of higher.
"""

from __future__ import annotations

import argparse
import heapq
import random
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from itertools import count
from queue import Empty, SimpleQueue

from pipelines.farm.schedule import Entry, Given, Schedule

SHAPES = ((512, 512), (512, 768), (768, 512))


@dataclass(frozen=True)
class Cost:
    """Seconds of a clip, of reading a video's inputs, and what every further video of a batch adds to a clip."""

    clip_s: float
    prepare_s: float
    more: float
    batch: int

    def step_s(self, videos: int) -> float:
        """Of one clip of so many videos at once."""
        return self.clip_s * (1 + self.more * (videos - 1))


@dataclass(eq=False)
class Worker:
    """A simulated worker. waiting: videos whose inputs are being read, by when they are there."""

    number: int
    videos: dict[str, Entry] = field(default_factory=dict)
    waiting: dict[str, float] = field(default_factory=dict)
    ready: set[str] = field(default_factory=set)
    stepped: Counter[Hashable] = field(default_factory=Counter)
    recalled: set[str] = field(default_factory=set)
    reads_until: float = 0.0
    stepping: tuple[str, ...] = ()
    busy_s: float = 0.0
    had_work_until: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """busy, tail: shares. inverted: pairs of videos begun in the wrong order. driver_s: of the driver's own time."""

    busy: float
    tail: float
    makespan_s: float
    inverted: int
    driver_us: float
    peak_kb: float
    growth_kb: float


def make_entries(jobs: int, longest: int, seed: int = 0) -> list[Entry]:
    """Videos of mixed length, shape and priority: many short ones, a few very long."""
    chance = random.Random(seed)
    return [
        Entry(
            f"{n:06d}",
            min(longest, int(chance.lognormvariate(2.5, 0.9)) + 1),
            chance.choice(SHAPES),
            chance.randrange(3),
        )
        for n in range(jobs)
    ]


class Simulation:
    """Workers in simulated time around the real schedule."""

    def __init__(self, entries: list[Entry], workers: int, cost: Cost) -> None:
        self.entries = {entry.job_id: entry for entry in entries}
        self.cost, self.now = cost, 0.0
        self.schedule: Schedule[Worker] = Schedule(entries, cost.batch)
        self.workers = [Worker(number) for number in range(workers)]
        self.begun: dict[str, None] = {}
        self.driver_s, self.calls = 0.0, 0
        self._events: list[tuple[float, int, Worker, str]] = []
        self._order = count()

    def run(self) -> Iterator[None]:
        """Until all is made; yields now and then."""
        for worker in self.workers:
            self._tell(self.schedule.join, worker)
        self._decide()
        while self._events:
            self.now, _, worker, what = heapq.heappop(self._events)
            if what == "stepped":
                self._stepped(worker)
            self._begin_step(worker)
            yield

    def _tell(self, method: Callable[..., object], *arguments: object) -> None:
        started = time.thread_time()
        method(*arguments)
        self.driver_s += time.thread_time() - started
        self.calls += 1

    def _decide(self) -> None:
        started = time.thread_time()
        decisions = list(self.schedule.decide())
        self.driver_s += time.thread_time() - started
        for decision in decisions:
            worker, job_id = decision.worker, decision.job_id
            if isinstance(decision, Given):
                self.begun.setdefault(job_id)
                worker.videos[job_id] = self.entries[job_id]
                worker.reads_until = max(worker.reads_until, self.now) + self.cost.prepare_s
                worker.waiting[job_id] = worker.reads_until
                self._at(worker.reads_until, worker, "read")
            elif job_id in worker.videos:
                worker.recalled.add(job_id)
                self._at(self.now, worker, "recalled")

    def _at(self, when: float, worker: Worker, what: str) -> None:
        heapq.heappush(self._events, (when, next(self._order), worker, what))

    def _begin_step(self, worker: Worker) -> None:
        if worker.stepping:
            return
        for job_id in list(worker.recalled):
            worker.recalled.discard(job_id)
            if worker.videos.pop(job_id, None):
                worker.waiting.pop(job_id, None)
                worker.ready.discard(job_id)
                self._tell(self.schedule.returned, worker, job_id)
                self._decide()
        for job_id, there in list(worker.waiting.items()):
            if there <= self.now:
                del worker.waiting[job_id]
                worker.ready.add(job_id)
        in_turn = [job_id for job_id in worker.videos if job_id in worker.ready]
        if not in_turn:
            return
        shapes = [worker.videos[job_id].shape for job_id in in_turn]
        shape = shapes[0] if self.cost.batch == 1 else min(shapes, key=worker.stepped.__getitem__)
        worker.stepped[shape] = next(self._order)
        alike = [job_id for job_id in in_turn if worker.videos[job_id].shape == shape]
        worker.stepping = tuple(alike[: self.cost.batch])
        seconds = self.cost.step_s(len(worker.stepping))
        worker.busy_s += seconds
        self._at(self.now + seconds, worker, "stepped")

    def _stepped(self, worker: Worker) -> None:
        stepped, worker.stepping = worker.stepping, ()
        for job_id in stepped:
            entry = self.entries[job_id]
            self.entries[job_id] = Entry(job_id, entry.clips - 1, entry.shape, entry.priority, True)
            self._tell(self.schedule.clip_made, worker, job_id)
            if entry.clips == 1:
                del worker.videos[job_id]
                worker.recalled.discard(job_id)
                worker.ready.discard(job_id)
                self._tell(self.schedule.finished, worker, job_id)
        worker.had_work_until = self.now
        self._decide()


def inversions(order: list[int]) -> int:
    """Pairs in which a smaller number stands before a larger one."""
    seen: dict[int, int] = {}
    wrong = 0
    for priority in order:
        wrong += sum(times for other, times in seen.items() if other < priority)
        seen[priority] = seen.get(priority, 0) + 1
    return wrong


def simulate(jobs: int, longest: int, workers: int, cost: Cost) -> Outcome:
    """One run in simulated time."""
    entries = make_entries(jobs, longest)
    priorities = {entry.job_id: entry.priority for entry in entries}
    tracemalloc.start()
    simulation = Simulation(entries, workers, cost)
    early = peak = 0
    for number, _ in enumerate(simulation.run()):
        if number % 1000 == 0:
            held = tracemalloc.get_traced_memory()[0]
            early, peak = early or held, max(peak, held)
    tracemalloc.stop()
    assert simulation.schedule.over, "videos were left"
    makespan = simulation.now
    busy = sum(worker.busy_s for worker in simulation.workers) / (makespan * workers)
    first_idle = min(worker.had_work_until for worker in simulation.workers)
    wrong = inversions([priorities[job_id] for job_id in simulation.begun])
    per_call = 1e6 * simulation.driver_s / max(1, simulation.calls)
    return Outcome(busy, 1 - first_idle / makespan, makespan, wrong, per_call, peak / 1024, (peak - early) / 1024)


def sleeping(jobs: int, longest: int, workers: int, cost: Cost) -> Outcome:
    """Workers are threads that sleep as long as a step takes; one video at a time each."""
    entries = {entry.job_id: entry for entry in make_entries(jobs, longest)}
    schedule: Schedule[int] = Schedule(entries.values(), 1)
    orders: list[SimpleQueue[str | None]] = [SimpleQueue() for _ in range(workers)]
    news: SimpleQueue[tuple[str, int, str]] = SimpleQueue()
    busy, until = [0.0] * workers, [0.0] * workers
    recalled: set[str] = set()

    def work(number: int) -> None:
        while (job_id := orders[number].get()) is not None:
            if job_id in recalled:
                recalled.discard(job_id)
                news.put(("returned", number, job_id))
                continue
            for _ in range(entries[job_id].clips):
                began = time.monotonic()
                time.sleep(cost.clip_s)
                busy[number] += time.monotonic() - began
                news.put(("clip", number, job_id))
            until[number] = time.monotonic()
            news.put(("finished", number, job_id))

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(workers)]
    begun, driver_s, calls, started = [], 0.0, 0, time.monotonic()
    for number, thread in enumerate(threads):
        thread.start()
        schedule.join(number)
    while not schedule.over:
        before = time.thread_time()
        for decision in schedule.decide():
            if isinstance(decision, Given):
                begun.append(entries[decision.job_id].priority)
                orders[decision.worker].put(decision.job_id)
            else:
                recalled.add(decision.job_id)
        driver_s, calls = driver_s + time.thread_time() - before, calls + 1
        try:
            told = [news.get(timeout=1)]
            while not news.empty():
                told.append(news.get_nowait())
        except Empty:
            continue
        before = time.thread_time()
        for what, number, job_id in told:
            {"clip": schedule.clip_made, "finished": schedule.finished, "returned": schedule.returned}[what](
                number, job_id
            )
        driver_s += time.thread_time() - before
    makespan = time.monotonic() - started
    for queue in orders:
        queue.put(None)
    tail = (started + makespan - min(until)) / makespan
    return Outcome(sum(busy) / (makespan * workers), tail, makespan, inversions(begun), 1e6 * driver_s / calls, 0, 0)


def main() -> None:
    """Print one line per number of workers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--longest", type=int, default=100, help="clips of the longest videos")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--clip", type=float, default=8.0)
    parser.add_argument("--prepare", type=float, default=2.0)
    parser.add_argument("--more", type=float, default=0.7)
    parser.add_argument("--sleep", action="store_true")
    arguments = parser.parse_args()
    cost = Cost(arguments.clip, arguments.prepare, arguments.more, arguments.batch)
    print("workers  busy    tail    makespan      out of order  driver us an event  memory KiB (growth)")
    for workers in arguments.workers:
        made = (sleeping if arguments.sleep else simulate)(arguments.jobs, arguments.longest, workers, cost)
        print(
            f"{workers:7}  {made.busy:5.1%}  {made.tail:5.1%}  {made.makespan_s:10.1f} s  {made.inverted:10}  "
            f"{made.driver_us:12.1f}  {made.peak_kb:12.0f} ({made.growth_kb:.0f})"
        )


if __name__ == "__main__":
    main()
