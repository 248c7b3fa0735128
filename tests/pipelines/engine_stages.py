"""Real stages for the engines' tests: a decoder of pretended videos and stages that misbehave for real.

A source's uri is its script: `<name>?clips=5&segfault=3` is five candidates, the fourth of which crashes `Work`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np

from pipelines.job import Task
from schemas.errors import WeightsError
from schemas.outcomes import Heartbeat, Kept, Outcome, Rejected
from schemas.records import Clip, Frames, Source, SourceReport, Span
from transforms.stage import Stage


def source(uri: str) -> Source:
    return Source(uri, sha256(uri.encode()).hexdigest(), len(uri))


def task(uri: str, committed: Iterable[str] = ()) -> Task:
    return Task(source(uri), frozenset(committed))


def script(uri: str) -> dict[str, int]:
    return {key: int(value) for key, value in parse_qsl(uri.partition("?")[2])}


def clip(of: Source, index: int) -> Clip:
    span = Span(index * 10, index * 10 + 10, Fraction(index), Fraction(index + 1))
    frames = Frames(np.zeros((2, 3, 2), np.uint8), np.arange(2), np.arange(2), Fraction(1, 10), Fraction(10))
    return Clip(of, index, 0, span, span, 2, 2, Fraction(10), 2, frames)


def clip_ids(of: Source, indices: Iterable[int]) -> list[str]:
    return [clip(of, index).clip_id for index in indices]


class Decode(Stage[Source, Clip]):
    """Candidates as the script asks for, then the report."""

    name = "decode"
    accepts = Source

    def process(self, item: Source) -> Iterable[Outcome[Clip | SourceReport | Heartbeat]]:
        wish = script(item.uri)
        for index in range(wish.get("clips", 0)):
            if index == wish.get("broken_at"):
                raise OSError("bad sector")
            yield Kept(Heartbeat(float(index)))
            yield Kept(clip(item, index))
        count = wish.get("clips", 0)
        yield Kept(SourceReport(item, "done", duration_s=float(count), clips=count))


class Screen(Stage[Clip, Clip]):
    """Turns every clip away whose index the script's `reject` divides."""

    name = "screen"
    accepts = Clip

    def process(self, item: Clip) -> Iterable[Outcome[Clip]]:
        divisor = script(item.source.uri).get("reject")
        yield Rejected(item, ("luminance_low",)) if divisor and item.index % divisor == 0 else Kept(item)


@dataclass
class Work(Stage[Clip, Clip]):
    """Does to the worker what the script says, at the clip it says; notes every clip it was given in `diary`."""

    diary: Path | None = None

    name = "work"
    accepts = Clip

    def process(self, item: Clip) -> Iterable[Outcome[Clip]]:
        if self.diary is not None:
            with self.diary.open("a") as file:
                file.write(f"{item.clip_id} {os.getpid()}\n")
        wish = script(item.source.uri)
        for name, misdeed in MISDEEDS.items():
            if wish.get(name) == item.index:
                misdeed()
        yield Kept(replace(item, phash=f"{item.index:080x}"))

    def teardown(self) -> None:
        if self.diary is not None:
            with self.diary.open("a") as file:
                file.write(f"teardown {os.getpid()}\n")


class Missing(Work):
    """Can't be set up."""

    def setup(self) -> None:
        raise WeightsError("pose weights are missing; run `figureground weights fetch`")


class DiesInSetup(Work):
    def setup(self) -> None:
        os._exit(9)


class Square(Stage[int, int]):
    name = "square"
    accepts = int

    def process(self, item: int) -> Iterable[Outcome[int]]:
        if item == 13:
            os._exit(1)
        yield Kept(item * item)


class ListWriter:
    """A part is its id and its clips."""

    def write(self, part_id: str, clips: Sequence[Clip], report: SourceReport | None) -> tuple[str, tuple[Clip, ...]]:
        return part_id, tuple(clips)


class FullDisk(ListWriter):
    def write(self, part_id: str, clips: Sequence[Clip], report: SourceReport | None) -> tuple[str, tuple[Clip, ...]]:
        raise OSError(28, "No space left on device")


def hang() -> None:
    while True:
        time.sleep(0.01)


def eat_memory() -> None:
    hoard = []
    while True:
        hoard.append(np.ones(2_000_000))
        time.sleep(0.003)


def gulp_memory() -> None:
    np.ones(2_000_000_000)


def fail() -> None:
    raise ValueError("this clip is odd")


MISDEEDS = {
    "segfault": lambda: ctypes.string_at(0),
    "exit": lambda: os._exit(7),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "hang": hang,
    "eat": eat_memory,
    "gulp": gulp_memory,
    "fail": fail,
    "slow": lambda: time.sleep(0.3),
}
