"""The Beam pipeline: task files to tasks, spread over the workers, each done in a lane."""

# mypy: allow-untyped-calls
# Beam's constructors are not annotated.

from __future__ import annotations

from collections.abc import Iterator

import apache_beam as beam

from pipelines.engines.beam.exchange import Exchange
from pipelines.engines.beam.lane import Lane


class ReadTasks(beam.DoFn):
    """Name of a task file to (number, pickled task)."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def process(self, element: str) -> Iterator[tuple[int, bytes]]:
        """The tasks of a file."""
        yield from self._exchange.tasks(element)


class Work(beam.DoFn):
    """(number, pickled task) to the task's number, once its records are written."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._lane: Lane | None = None

    def setup(self) -> None:
        """Read what the run is about; the stages are set up with the first task."""
        self._lane = Lane(self._exchange)

    def process(self, element: tuple[int, bytes]) -> Iterator[int]:
        """Do a task. An exception here means that no worker could do it, or that the driver is gone."""
        assert self._lane is not None
        self._lane.work(*element)
        yield element[0]

    def teardown(self) -> None:
        """Tear the stages down."""
        if self._lane is not None:
            self._lane.close()


def build(pipeline: beam.Pipeline, exchange: Exchange) -> None:
    """Put the stages of a run into a pipeline. One collection from end to end: outcomes are data, not outputs."""
    tasks = pipeline | "Files" >> beam.Create(exchange.chunks()) | "Tasks" >> beam.ParDo(ReadTasks(exchange))
    tasks | "Spread" >> beam.Reshuffle() | "Work" >> beam.ParDo(Work(exchange))
