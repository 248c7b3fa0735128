"""The worker's side: tasks one after the other, each in a worker process that may die without taking Beam along."""

from __future__ import annotations

import pickle
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pipelines.engines.beam.exchange import Beat, Exchange
from pipelines.engines.beam.tasklog import Overtaken, TaskLog
from pipelines.engines.local.engine import memory_share_bytes, processors
from pipelines.engines.local.run import Pool, Run
from pipelines.events import Event, Notice, Position
from schemas.errors import FiguregroundError

_BEAT_S = 1.0
_DRIVER_LOST_S = 120.0


class DriverGone(Exception):
    """The run is over; there is nobody to work for."""


class Lane:
    """One task at a time; the worker process stays for the next one.

    Processes are started by a thread that lives as long as the lane: the kernel ends them with the thread that made
    them, and Beam's threads come and go.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._brief = exchange.brief()
        self._name = uuid.uuid4().hex
        self._run: Run[Any] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lane")
        self._beats = 0
        self._beat_at = 0.0
        self._pulse: tuple[int | None, float] = (None, 0.0)

    def work(self, number: int, task: bytes) -> None:
        """Bring a task to its verdict, if no other attempt has. Raises FiguregroundError if nobody can."""
        self._thread.submit(self._work, number, task).result()

    def close(self) -> None:
        """Tear the stages down."""
        self._thread.submit(self._stop).result()
        self._thread.shutdown()

    def _work(self, number: int, task: bytes) -> None:
        while True:
            log = TaskLog(self._exchange, number)
            rest = log.replay(self._brief.job, pickle.loads(task))  # noqa: S301 written by the driver
            if log.finished:
                return
            try:
                self._attempt(log, rest)
            except Overtaken:
                self._stop()
            except FiguregroundError as error:
                self._stop()
                self._exchange.break_off(error)
                raise
            except BaseException:
                self._stop()
                raise

    def _attempt(self, log: TaskLog, task: Any) -> None:
        for event in self._events(log.number, task):
            if isinstance(event, Notice):
                self._exchange.note(event)
            elif not isinstance(event, Position):
                log.put(event)
        log.close()

    def _events(self, number: int, task: Any) -> Iterator[Event]:
        run = self._run = self._run or Run(self._brief.job, (), self._pool())
        self._sign_of_life(number, None)
        run.give(task)
        position: Position | None = None
        while run.busy:
            for event in run.step():
                position = event if isinstance(event, Position) else position
                yield event
            self._sign_of_life(number, position)

    def _sign_of_life(self, number: int, position: Position | None) -> None:
        """Ours to the driver, and the driver's to us. Raises DriverGone if that one is missing."""
        now = time.monotonic()
        if now - self._beat_at < _BEAT_S:
            return
        pulse = self._exchange.pulse()
        if pulse != self._pulse[0]:
            self._pulse = (pulse, now)
        if pulse is None or now - self._pulse[1] > _DRIVER_LOST_S:
            raise DriverGone("the driver of this run is gone")
        self._beats += 1
        self._beat_at = now
        self._exchange.beat(self._name, Beat(self._beats, number, position))

    def _pool(self) -> Pool:
        brief = self._brief
        lanes = brief.workers_per_machine or max(1, processors() // brief.threads)
        return Pool(1, brief.threads, brief.memory_bytes or memory_share_bytes(lanes), brief.limits)

    def _stop(self) -> None:
        if self._run is not None:
            self._run.stop()
        self._run = None
