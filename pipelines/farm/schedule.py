"""Which worker gets which video next. Knows no process, no network and no clock, so it runs with simulated workers too.

A worker holds a few videos at a time: as many as it steps together, and one ahead, whose inputs are read meanwhile.
Videos of higher priority are begun first; of equal priority, those begun earlier first, then the longest, so that the
last ones are short. A worker that has nothing left takes videos that wait at others.

A video whose worker died is under suspicion until it gains a clip: it is made alone, and handed back after that clip.
So a video that kills its workers is found out, and those it was stepped together with are not blamed.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

W = TypeVar("W", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Entry:
    """A video to make. clips: left. shape: videos of one shape can be stepped together. begun: some of it is made."""

    job_id: str
    clips: int
    shape: Hashable = ()
    priority: int = 0
    begun: bool = False

    @property
    def order(self) -> tuple[int, bool, int, str]:
        """The smallest goes first."""
        return -self.priority, not self.begun, -self.clips, self.job_id


@dataclass(frozen=True, slots=True)
class Given(Generic[W]):
    """A worker is to make a video. alone: one clip, then hand it back."""

    worker: W
    job_id: str
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Recalled(Generic[W]):
    """A worker is to hand a video back, for another one."""

    worker: W
    job_id: str


@dataclass(eq=False, slots=True)
class _Hand:
    """What a worker holds. batch: videos it steps together. quarantined: it holds a video under suspicion."""

    batch: int
    held: dict[str, Entry] = field(default_factory=dict)
    recalled: set[str] = field(default_factory=set)
    quarantined: bool = False

    @property
    def spare(self) -> list[Entry]:
        """Videos that are not called back."""
        return [entry for job_id, entry in self.held.items() if job_id not in self.recalled]

    @property
    def clips(self) -> int:
        """To make of them."""
        return sum(entry.clips for entry in self.spare)


class Schedule(Generic[W]):
    """Tell it what happened, then ask what to do: `decide`."""

    def __init__(self, entries: Iterable[Entry], batch: int = 1, ahead: int = 1, deaths: int = 3) -> None:
        """deaths: of workers, without a clip in between, after which a video is given up."""
        self._batch, self._ahead, self._most_deaths = batch, ahead, deaths
        self._queues: dict[Hashable, list[tuple[tuple[int, bool, int, str], Entry]]] = {}
        self._suspects: deque[Entry] = deque()
        self._deaths: Counter[str] = Counter()
        self._hands: dict[W, _Hand] = {}
        for entry in entries:
            self._wait(entry)

    @property
    def waiting(self) -> int:
        """Videos that no worker holds."""
        return len(self._suspects) + sum(map(len, self._queues.values()))

    @property
    def over(self) -> bool:
        """Every video has its verdict."""
        return not self.unfinished

    @property
    def unfinished(self) -> int:
        """Videos without a verdict."""
        return self.waiting + sum(len(hand.held) for hand in self._hands.values())

    def held(self, worker: W) -> tuple[str, ...]:
        """Videos at a worker."""
        return tuple(self._hands[worker].held)

    def join(self, worker: W) -> None:
        """A worker is ready."""
        self._hands[worker] = _Hand(self._batch)

    def clip_made(self, worker: W, job_id: str) -> None:
        """A video gained a clip, so it is under no suspicion."""
        hand = self._hands[worker]
        hand.held[job_id] = replace(hand.held[job_id], clips=max(1, hand.held[job_id].clips - 1), begun=True)
        self._deaths.pop(job_id, None)

    def finished(self, worker: W, job_id: str) -> None:
        """A video has its verdict."""
        self._drop(worker, job_id)
        self._deaths.pop(job_id, None)

    def returned(self, worker: W, job_id: str) -> None:
        """A worker handed a video back."""
        entry = self._drop(worker, job_id)
        if self._deaths[job_id]:
            self._suspects.append(entry)
        else:
            self._wait(entry)

    def shrink(self, worker: W, batch: int) -> None:
        """A worker has room for fewer videos."""
        self._hands[worker].batch = batch

    def lost(self, worker: W) -> list[str]:
        """A worker died. Returns the videos that are given up with it; the others go on elsewhere."""
        given_up = []
        for entry in self._hands.pop(worker).held.values():
            self._deaths[entry.job_id] += 1
            if self._deaths[entry.job_id] < self._most_deaths:
                self._suspects.append(entry)
            else:
                given_up.append(entry.job_id)
        return given_up

    def decide(self) -> Iterator[Given[W] | Recalled[W]]:
        """What workers are to do now; each answer counts as done."""
        for worker, hand in self._hands.items():
            if self._suspects and not hand.held:
                suspect = self._suspects.popleft()
                hand.held[suspect.job_id], hand.quarantined = suspect, True
                yield Given(worker, suspect.job_id, alone=True)
        yield from self._fill()
        if not self.waiting:
            yield from self._even_out()

    def _fill(self) -> Iterator[Given[W]]:
        """Fewest first, so that few videos spread over all workers."""
        open_hands = [
            (len(hand.held), number, worker, hand)
            for number, (worker, hand) in enumerate(self._hands.items())
            if not hand.quarantined and len(hand.held) < hand.batch + self._ahead
        ]
        heapq.heapify(open_hands)
        while open_hands and any(self._queues.values()):
            _, number, worker, hand = heapq.heappop(open_hands)
            entry = self._next(hand)
            hand.held[entry.job_id] = entry
            if len(hand.held) < hand.batch + self._ahead:
                heapq.heappush(open_hands, (len(hand.held), number, worker, hand))
            yield Given(worker, entry.job_id)

    def _even_out(self) -> Iterator[Recalled[W]]:
        """The longest video for every worker without any, from those that have most clips left to make."""
        idle = sum(not hand.held for hand in self._hands.values())
        underway = sum(len(hand.recalled) for hand in self._hands.values())
        for _ in range(idle - underway):
            rich = [(hand.clips, n, each) for n, (each, hand) in enumerate(self._hands.items()) if len(hand.spare) > 1]
            if not rich:
                return
            worker = max(rich)[2]
            longest = max(self._hands[worker].spare, key=lambda entry: (entry.clips, entry.job_id))
            self._hands[worker].recalled.add(longest.job_id)
            yield Recalled(worker, longest.job_id)

    def _next(self, hand: _Hand) -> Entry:
        """The first in order; of equal priority one of a shape that the worker has."""
        first = min(queue[0] for queue in self._queues.values() if queue)[1]
        alike = [
            queue[0]
            for shape in {entry.shape for entry in hand.held.values()}
            if (queue := self._queues.get(shape)) and queue[0][1].priority == first.priority
        ]
        chosen = min(alike)[1] if alike else first
        heapq.heappop(self._queues[chosen.shape])
        return chosen

    def _wait(self, entry: Entry) -> None:
        heapq.heappush(self._queues.setdefault(entry.shape, []), (entry.order, entry))

    def _drop(self, worker: W, job_id: str) -> Entry:
        hand = self._hands[worker]
        hand.recalled.discard(job_id)
        hand.quarantined = False
        return hand.held.pop(job_id)
