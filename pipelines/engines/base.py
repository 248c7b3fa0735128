"""The engine contract: jobs in, events out; a task that kills or stalls its worker is given up, the rest goes on."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Generator, Iterable, Iterator
from typing import Any, ClassVar, Protocol, TypeVar

from pipelines.events import Event
from pipelines.flow import Flow
from pipelines.job import Job, Task
from schemas.outcomes import Outcome
from transforms.stage import Stage

T = TypeVar("T")
_WINDOW = 1024


class Engine(Protocol):
    """Runs jobs somewhere. Every task ends in exactly one verdict, whatever dies on the way.

    Both methods raise FiguregroundError if no worker can do the job at all. Their iterators stop all work when closed;
    use them under `contextlib.closing`, and the engine too: idle workers may wait for its next run.
    """

    name: ClassVar[str]

    @property
    def workers(self) -> int:
        """Tasks that run at a time, at most."""
        ...

    def run(self, flow: Flow, tasks: Iterable[Task]) -> Generator[Event, None, None]:
        """Curate sources. Each part is delivered once, as `PartDone`; each source ends with `SourceDone`."""
        ...

    def map(self, stages: tuple[Stage[Any, Any], ...], items: Iterable[Any]) -> Generator[Outcome[Any], None, None]:
        """Outcomes of independent items, in the order in which items are finished."""
        ...

    def close(self) -> None:
        """Free what lasts longer than a run, such as a cluster started for it."""
        ...


def dearest_first(job: Job[T], tasks: Iterable[T]) -> Iterator[T]:
    """Tasks, the dearest of the next thousand first: long ones must not start last. Reads `tasks` lazily."""
    incoming, order = iter(tasks), itertools.count()
    heap: list[tuple[float, int, T]] = []
    while True:
        for task in itertools.islice(incoming, _WINDOW - len(heap)):
            heapq.heappush(heap, (-job.cost(task), next(order), task))
        if not heap:
            return
        yield heapq.heappop(heap)[2]
