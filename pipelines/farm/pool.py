"""The driver's loop: hire workers, hand out videos, outlive workers. The same for every engine."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from pipelines.engines.local.wire import Broken, Ready, Starved, TaskDone
from pipelines.farm.orders import Began, ClipMade, HandBack, Leave, News, Returned, Shrunk, Take, VideoDone, VideoFailed
from pipelines.farm.schedule import Given, Schedule
from schemas.config import LimitsConfig
from schemas.errors import FiguregroundError
from schemas.render_jobs import RenderJob

_TICK_S = 0.5
_AWAY_S = 5.0
_START_S = 300.0
"""Imports and a model's weights are given this long at least."""


class Hand(Protocol):
    """A worker as the driver sees it; `WorkerProcess` is one."""

    number: int
    ready: bool
    seen_at: float

    def send(self, message: Any) -> None:
        """Send an order."""
        ...

    def receive(self) -> list[Any] | None:
        """The next message, [] if there is none now, None if the worker is dead and has said everything."""
        ...

    def rss_bytes(self) -> int:
        """Memory held now; 0 where that is not known."""
        ...

    def death(self) -> str:
        """How it ended."""
        ...

    def last_words(self) -> str:
        """What it said of it."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...

    def close(self) -> None:
        """Let it leave, or end it, and free everything."""
        ...


H = TypeVar("H", bound=Hand)


class Crew(Protocol[H]):
    """Where workers come from. workers: at most. memory_bytes: most that one may hold."""

    @property
    def workers(self) -> int:
        """At a time, at most."""
        ...

    @property
    def memory_bytes(self) -> int:
        """Most that one may hold."""
        ...

    def hire(self) -> H:
        """A worker that sets itself up."""
        ...

    def wait(self, hands: Sequence[H], seconds: float) -> None:
        """Until one of them may have said something, or so long."""
        ...

    def close(self) -> None:
        """Free what lasts longer than the workers."""
        ...


class Notice(str):
    """Something the user should read now."""

    __slots__ = ()


class Pool:
    """Videos through workers, each to its verdict. told: every event, and how many workers are ready."""

    def __init__(
        self, crew: Crew[Any], schedule: Schedule[Any], jobs: Mapping[str, RenderJob], limits: LimitsConfig
    ) -> None:
        self._crew, self._schedule, self._jobs, self._limits = crew, schedule, jobs, limits
        self._hands: list[Any] = []
        self._ended: dict[int, str] = {}
        self._leaving = False
        self._dead_starts = 0
        self._looked_at = time.monotonic()

    @property
    def ready(self) -> int:
        """Workers that are set up."""
        return sum(hand.ready for hand in self._hands)

    def events(self, until: datetime | None = None) -> Iterator[News | Notice | None]:
        """What happens, None now and then, until every video has its verdict, or until that time's clips are made.

        Raises FiguregroundError if no worker can do the work.
        """
        while not self._schedule.over and not (self._leaving and not self._hands):
            if until is not None and datetime.now() >= until and not self._leaving:
                yield from self._leave()
            self._staff()
            self._hand_out()
            self._crew.wait(self._hands, _TICK_S)
            for hand in list(self._hands):
                yield from self._listen(hand)
            self._enforce_limits()
            yield None

    def stop(self) -> None:
        """End all workers: idle ones leave by themselves, the others are cut off, which costs a clip at most."""
        if self._schedule.over:
            for hand in self._hands:
                hand.send(Leave())
            self._let_go(time.monotonic() + _AWAY_S)
        for hand in self._hands:
            hand.kill()
            hand.close()
        self._hands = []

    def _let_go(self, until: float) -> None:
        while self._hands and time.monotonic() < until:
            self._crew.wait(self._hands, _TICK_S)
            for hand in list(self._hands):
                for _ in self._listen(hand):
                    pass

    def _leave(self) -> Iterator[Notice]:
        self._leaving = True
        yield Notice("the time is up: workers finish the clips under way and leave")
        for hand in list(self._hands):
            if hand.ready:
                hand.send(Leave())
            else:
                self._hands.remove(hand)
                hand.kill()
                hand.close()

    def _staff(self) -> None:
        if self._leaving or self._dead_starts >= self._limits.attempts:
            return
        while len(self._hands) < min(self._crew.workers, self._schedule.unfinished):
            self._hands.append(self._crew.hire())

    def _hand_out(self) -> None:
        if self._leaving:
            return
        for decision in self._schedule.decide():
            if isinstance(decision, Given):
                decision.worker.seen_at = time.monotonic()
                decision.worker.send(Take(self._jobs[decision.job_id], decision.alone))
            else:
                decision.worker.send(HandBack(decision.job_id))

    def _listen(self, hand: Any) -> Iterator[News | Notice]:
        while hand in self._hands and (message := hand.receive()) != []:
            if message is None:
                yield from self._died(hand)
                continue
            for news in message:
                yield from self._heard(hand, news)

    def _heard(self, hand: Any, news: Any) -> Iterator[News | Notice]:
        if isinstance(news, Broken):
            raise news.error
        if isinstance(news, Ready):
            hand.ready, self._dead_starts = True, 0
            self._schedule.join(hand)
            return
        if isinstance(news, Starved):
            self._end(hand, f"needed more than {self._crew.memory_bytes // 2**20} MiB of memory")
            return
        if isinstance(news, TaskDone):
            self._hands.remove(hand)
            self._schedule.lost(hand)
            hand.close()
            return
        if isinstance(news, ClipMade):
            self._schedule.clip_made(hand, news.job_id)
        elif isinstance(news, VideoDone | VideoFailed):
            self._schedule.finished(hand, news.job_id)
        elif isinstance(news, Returned):
            self._schedule.returned(hand, news.job_id)
        elif isinstance(news, Shrunk):
            self._schedule.shrink(hand, news.videos)
            yield Notice(f"worker {hand.number} ran out of memory; it goes on with {news.videos} videos at a time")
        elif isinstance(news, Began) and news.clip:
            yield Notice(f"{news.job_id} goes on with clip {news.clip + 1} of {news.clips}")
        yield news

    def _died(self, hand: Any) -> Iterator[News | Notice]:
        self._hands.remove(hand)
        why, last_words = hand.death(), hand.last_words()
        why = self._ended.pop(hand.number, why)
        hand.close()
        if not hand.ready:
            self._dead_starts += 1
            if self._dead_starts >= self._limits.attempts and not self.ready:
                raise FiguregroundError(f"workers die before they can begin: {why}\n{last_words}".strip())
            return
        held, self._dead_starts = self._schedule.held(hand), 0
        yield Notice(f"worker {hand.number} died ({why}) with {len(held)} videos; they go on. {last_words}".strip())
        for job_id in self._schedule.lost(hand):
            times = f"its worker died {self._limits.attempts} times at the same clip, last: {why}"
            yield VideoFailed(job_id, "crashed", f"{times}. {last_words}".strip())

    def _enforce_limits(self) -> None:
        now = time.monotonic()
        if now - self._looked_at > _TICK_S + _AWAY_S:  # we were away, not they: suspended, or the consumer was busy
            for hand in self._hands:
                hand.seen_at = now
        self._looked_at = now
        for hand in self._hands:
            patience_s = self._limits.stall_s if hand.ready else max(self._limits.stall_s, _START_S)
            working = not hand.ready or self._schedule.held(hand)
            if working and now - hand.seen_at > patience_s:
                self._end(hand, f"no progress for {patience_s:g} s")
            elif hand.rss_bytes() > self._crew.memory_bytes:
                self._end(hand, f"needed more than {self._crew.memory_bytes // 2**20} MiB of memory")

    def _end(self, hand: Any, why: str) -> None:
        self._ended[hand.number] = why
        hand.kill()
