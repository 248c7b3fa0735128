"""The Beam engine: the stages in any runner, the results over an exchange folder to the one committer."""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
import uuid
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pipelines.engines.base import dearest_first
from pipelines.engines.beam.exchange import PREFIX, Brief, Exchange
from pipelines.engines.beam.harvest import Harvest
from pipelines.engines.beam.options import DIRECT, runner_options
from pipelines.engines.beam.submission import Submission
from pipelines.engines.local.engine import processors
from pipelines.events import Event, Mapped, Notice
from pipelines.flow import Flow
from pipelines.job import Job, Task
from pipelines.mapping import Mapping
from schemas.config import BeamConfig, LimitsConfig
from schemas.errors import FiguregroundError
from schemas.outcomes import Outcome
from transforms.stage import Stage

T = TypeVar("T")
_THREADS = 2
_POLL_S = 0.2
_PULSE_S = 5.0
_START_S = 1800.0


class BeamEngine:
    """A batch job per run, submitted again with what is left if it ends or falls silent before all is done.

    workers: processes on this machine, where the options name no other runner. memory_mb: a worker that holds more is
    killed; default, an equal share of four fifths of its machine's memory.
    Raises ConfigError for options that contradict each other.
    """

    name: ClassVar[str] = "beam"

    def __init__(
        self,
        workers: int | None = None,
        config: BeamConfig | None = None,
        limits: LimitsConfig | None = None,
        memory_mb: int | None = None,
    ) -> None:
        self._config = config or BeamConfig()
        self._options = runner_options(self._config.options, workers, max(1, processors() // _THREADS))
        self._limits = limits or LimitsConfig()
        self._memory_bytes = None if memory_mb is None else memory_mb * 2**20

    @property
    def workers(self) -> int:
        """Tasks at a time, as far as the options say."""
        return self._options.workers

    def run(self, flow: Flow, tasks: Iterable[Task]) -> Generator[Event, None, None]:
        """Curate sources; see `Engine`."""
        return self._execute(flow, tasks)

    def map(self, stages: tuple[Stage[Any, Any], ...], items: Iterable[Any]) -> Generator[Outcome[Any], None, None]:
        """Outcomes of independent items; see `Engine`."""
        with contextlib.closing(self._execute(Mapping(stages), items)) as events:
            for event in events:
                if isinstance(event, Mapped):
                    yield from event.outcomes

    def close(self) -> None:
        """Nothing lasts longer than a run."""

    def _execute(self, job: Job[T], tasks: Iterable[T]) -> Generator[Event, None, None]:
        with self._exchange(job) as exchange:
            harvest = Harvest(exchange, exchange.put_tasks(dearest_first(job, tasks)))
            fruitless = 0
            while not harvest.complete:
                before = harvest.records
                with Submission(exchange, self._options) as submission:
                    loss = yield from self._follow(submission, harvest)
                    last_words = submission.last_words()
                yield from harvest.events()
                if loss is None or harvest.complete:
                    return
                fruitless = fruitless + 1 if harvest.records == before else 0
                if fruitless >= self._limits.attempts:
                    raise FiguregroundError(f"the Beam job {loss}, {fruitless} times without a result\n{last_words}")
                yield Notice(f"the Beam job {loss}; submitting what is left again. {last_words}".strip())

    def _follow(self, submission: Submission, harvest: Harvest) -> Generator[Event, None, str | None]:
        """Deliver until all is done, or until the job is lost, which is said."""
        try:
            while not harvest.complete:
                for position in harvest.signs_of_life():  # before the loss: the consumer may have kept us for long
                    submission.sign_of_life()
                    if position is not None:
                        yield position
                loss = submission.loss(self._config.silence_s, _START_S)
                yield from harvest.events()
                if loss is not None and not harvest.complete:
                    return loss
                time.sleep(_POLL_S)
        except KeyboardInterrupt:
            yield from harvest.events()
            raise
        submission.finished = True
        return None

    @contextlib.contextmanager
    def _exchange(self, job: Job[Any]) -> Iterator[Exchange]:
        with contextlib.ExitStack() as stack:
            parent = self._config.exchange
            if parent is None:
                parent = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="figureground-")))
            exchange = Exchange(parent / f"{PREFIX}{uuid.uuid4().hex}")
            stack.callback(exchange.remove)
            here = self.workers if self._options.runner == DIRECT else None
            exchange.create(Brief(job, self._limits, _THREADS, self._memory_bytes, here))
            exchange.remove_abandoned()
            stack.enter_context(_pulse(exchange))
            yield exchange


@contextlib.contextmanager
def _pulse(exchange: Exchange) -> Iterator[None]:
    """Keep telling the workers that the driver lives, whatever it is doing."""
    over = threading.Event()

    def beat() -> None:
        count = 0
        while not over.wait(_PULSE_S):
            count += 1
            with contextlib.suppress(OSError):  # a full disk is the committer's to report
                exchange.beat_as_driver(count)

    thread = threading.Thread(target=beat, name="pulse", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
