"""Which worker gets which video next. Knows no process, no network and no clock, so it runs with simulated workers too.

A worker holds a few videos at a time: as many as it steps together, and one ahead, whose inputs are read meanwhile.
Videos of higher priority are begun first; of equal priority, those begun earlier first, then the longest, so that the
last ones are short. A video in company goes slower, so one that might be the last of all is given little company. When
none wait, workers with much left to make hand videos over to those with little.

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
        self._clips = 0  # left of all videos
        for entry in entries:
            self._wait(entry)
            self._clips += entry.clips

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
        before = hand.held[job_id].clips
        hand.held[job_id] = replace(hand.held[job_id], clips=max(1, before - 1), begun=True)
        self._clips -= before - hand.held[job_id].clips
        self._deaths.pop(job_id, None)

    def finished(self, worker: W, job_id: str) -> None:
        """A video has its verdict."""
        self._clips -= self._drop(worker, job_id).clips
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
                self._clips -= entry.clips
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
        """Those with least to make first, so that few videos spread over all workers."""
        if not any(self._queues.values()):
            return
        open_hands = [
            (hand.clips, number, worker, hand)
            for number, (worker, hand) in enumerate(self._hands.items())
            if not hand.quarantined and self._has_room(hand)
        ]
        heapq.heapify(open_hands)
        while open_hands and any(self._queues.values()):
            _, number, worker, hand = heapq.heappop(open_hands)
            entry = self._next(hand)
            hand.held[entry.job_id] = entry
            if self._has_room(hand):
                heapq.heappush(open_hands, (hand.clips, number, worker, hand))
            yield Given(worker, entry.job_id)

    def _has_room(self, hand: _Hand) -> bool:
        """For one more video; not beside one that would then be made for longer than everything else.

        In company a video is taken to go as much slower as it has companions, which is the worst case.
        """
        held = len(hand.held)
        if not held or held >= hand.batch + self._ahead:
            return not held
        longest = max(entry.clips for entry in hand.held.values())
        share = self._clips / len(self._hands)
        return len(self._hands) == 1 or longest * min(held + 1, hand.batch) <= share

    def _even_out(self) -> Iterator[Recalled[W]]:
        """From the worker with most to make to each that has room, where both end sooner by it."""
        if all(len(hand.held) >= hand.batch for hand in self._hands.values()):
            return
        takers = [hand for hand in self._hands.values() if not hand.quarantined and self._has_room(hand)]
        takers.sort(key=lambda hand: hand.clips)
        underway = sum(len(hand.recalled) for hand in self._hands.values())
        for poor in takers[underway:]:
            givers = {worker: hand.clips for worker, hand in self._hands.items() if len(hand.spare) > 1}
            if not givers:
                return
            rich = max(givers, key=givers.__getitem__)
            gap = givers[rich] - poor.clips
            fitting = [entry for entry in self._hands[rich].spare if entry.clips < gap]
            if not fitting:
                return
            moved = min((abs(2 * e.clips - gap), e.begun, -n, e) for n, e in enumerate(fitting))[-1]
            self._hands[rich].recalled.add(moved.job_id)
            yield Recalled(rich, moved.job_id)

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
