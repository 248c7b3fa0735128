"""Clips lent from the worker that decodes them to a stage on a GPU: the worker's side.

Frames go out once and do not come back: the worker keeps them for the stages that follow.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterator, Set
from dataclasses import dataclass, field, replace
from itertools import count
from multiprocessing.connection import Connection
from typing import Any

from pipelines.chain import Chain, Passing
from pipelines.engines.ray.segments import Segment
from pipelines.events import StageCount
from pipelines.flow import Flow
from schemas.outcomes import Heartbeat, Kept, Outcome
from schemas.records import Clip
from transforms.stage import Stage

_BEAT_S = 1.0
_AHEAD = 1
"""Clips that wait for their annotation while the next one is decoded; each holds its frames."""


Token = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Lent:
    """A clip with frames for a segment. token: process id of the worker that lent it, and a number."""

    token: Token
    segment: int
    clip: Clip


@dataclass(frozen=True, slots=True)
class Returned:
    """What became of a lent clip. own_frames: the stages left its frames alone, so they were not sent back."""

    counts: tuple[StageCount, ...]
    outcome: Outcome[Any]
    own_frames: bool


def answer(stages: tuple[Stage[Any, Any], ...], clip: Clip) -> Returned:
    """Run the stages of a segment over a lent clip."""
    passings = list(Chain(stages).run(clip))
    counts = tuple(passing for passing in passings if isinstance(passing, StageCount))
    outcome = next(p for p in reversed(passings) if not isinstance(p, StageCount | Heartbeat))
    own_frames = outcome.item.frames is clip.frames
    return Returned(counts, _with_frames(outcome, None) if own_frames else outcome, own_frames)


class Desk:
    """Lends clips over the worker's pipe. Picklable until it is opened."""

    def __init__(self) -> None:
        self._pipe: Connection | None = None
        self._numbers = count()
        self._returned: dict[Token, Returned] = {}

    def open(self, pipe: Connection) -> None:
        """Use this pipe from now on."""
        self._pipe = pipe

    def lend(self, segment: int, clip: Clip) -> Token:
        """Send a clip on its way; returns the token to wait for."""
        assert self._pipe is not None
        token = os.getpid(), next(self._numbers)
        self._pipe.send([Lent(token, segment, clip)])
        return token

    def wait(self, token: Token) -> Generator[Heartbeat, None, Returned]:
        """Heartbeats until the clip is back, and what became of it."""
        assert self._pipe is not None
        while token not in self._returned:
            if self._pipe.poll(_BEAT_S):
                arrived, returned = self._pipe.recv()
                self._returned[arrived] = returned
            else:
                yield Heartbeat()
        return self._returned.pop(token)


@dataclass(frozen=True, slots=True)
class _Waiting:
    counts: tuple[StageCount, ...]
    outcome: Outcome[Any]
    token: Token | None


@dataclass(frozen=True, slots=True)
class LendingChain(Chain):
    """A chain some of whose segments are elsewhere. The same outcomes in the same order as at home."""

    segments: tuple[Segment, ...]
    desk: Desk

    def run(self, item: Any, committed: Set[str] = frozenset()) -> Iterator[Passing]:
        """As a chain at home; the next clip is decoded while one is away.

        Counts wait with the outcome they lead to: a part that settles the clips before it must not settle them.
        """
        waiting: deque[_Waiting] = deque()
        counts: list[StageCount] = []
        for passing in Chain(self.segments[0].stages).run(item, committed):
            if isinstance(passing, Heartbeat):
                yield passing
            elif isinstance(passing, StageCount):
                counts.append(passing)
            else:
                waiting.append(_Waiting(tuple(counts), passing, self._send_on(passing, committed)))
                counts.clear()
            del passing
            if len(waiting) > _AHEAD:
                yield from self._finish(waiting.popleft())
        while waiting:
            yield from self._finish(waiting.popleft())
        yield from counts

    def _send_on(self, outcome: Outcome[Any], committed: Set[str]) -> Token | None:
        if not isinstance(outcome, Kept) or not isinstance(outcome.item, Clip) or outcome.item.clip_id in committed:
            return None
        return self.desk.lend(1, outcome.item)

    def _finish(self, waiting: _Waiting) -> Iterator[Passing]:
        outcome, token = waiting.outcome, waiting.token
        yield from waiting.counts
        if token is not None:
            outcome = yield from self._back(outcome, token)
            for index in range(2, len(self.segments)):
                if isinstance(outcome, Kept):
                    outcome = yield from self._through(index, outcome)
        yield outcome

    def _through(self, index: int, outcome: Outcome[Any]) -> Generator[Passing, None, Outcome[Any]]:
        segment = self.segments[index]
        if segment.lent:
            return (yield from self._back(outcome, self.desk.lend(index, outcome.item)))
        for passing in Chain(segment.stages).run(outcome.item):
            if isinstance(passing, StageCount | Heartbeat):
                yield passing
            else:
                outcome = passing
        return outcome

    def _back(self, outcome: Outcome[Any], token: Token) -> Generator[Passing, None, Outcome[Any]]:
        returned = yield from self.desk.wait(token)
        yield from returned.counts
        return _with_frames(returned.outcome, outcome.item.frames) if returned.own_frames else returned.outcome


@dataclass(frozen=True)
class LendingFlow(Flow):
    """A flow that lends clips to the segments that are not at home. `stages` are those at home."""

    segments: tuple[Segment, ...] = ()
    desk: Desk = field(default_factory=Desk)

    def attach(self, pipe: Connection) -> None:
        """Lend over this pipe."""
        self.desk.open(pipe)

    def chain(self) -> Chain:
        """Set up and torn down with the stages at home alone."""
        return LendingChain(self.stages, self.segments, self.desk)


def lending(flow: Flow, parts: tuple[Segment, ...]) -> Flow:
    """The flow with its lent segments elsewhere; itself if there are none."""
    if not any(part.lent for part in parts):
        return flow
    home = tuple(stage for part in parts if not part.lent for stage in part.stages)
    return LendingFlow(home, flow.writer, flow.clips_per_part, parts)


def _with_frames(outcome: Outcome[Any], frames: Any) -> Outcome[Any]:
    return replace(outcome, item=replace(outcome.item, frames=frames))
