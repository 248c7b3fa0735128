"""The Ray engine: supervised worker processes on the nodes of a cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Sequence
from itertools import chain
from typing import Any, ClassVar, TypeVar

from pipelines.engines.local.run import Pool
from pipelines.engines.ray.cluster import Cluster, alive_nodes
from pipelines.engines.ray.crew import Crew
from pipelines.engines.ray.lending import lending
from pipelines.engines.ray.placement import Need, Node, fused, memory_limit_bytes, place
from pipelines.engines.ray.segments import Segment, segments
from pipelines.events import Event, Mapped
from pipelines.flow import Flow
from pipelines.job import Job, Task
from pipelines.mapping import Mapping
from schemas.config import LimitsConfig, RayConfig
from schemas.outcomes import Outcome
from transforms.stage import Stage

T = TypeVar("T")
_STORE_MB = 1024


class RayEngine:
    """Tasks on the nodes of a cluster, one at a time in each worker.

    workers: at most; default, as many as the cluster holds. memory_mb: a worker that holds more is killed; default,
    an equal share of four fifths of its node's memory.
    """

    name: ClassVar[str] = "ray"

    def __init__(
        self,
        workers: int | None = None,
        config: RayConfig | None = None,
        limits: LimitsConfig | None = None,
        memory_mb: int | None = None,
    ) -> None:
        self._most = workers
        self._workers = workers or 0
        self._memory_mb = memory_mb
        self._config = config or RayConfig()
        self._limits = limits or LimitsConfig()
        self._cluster = Cluster(self._config, cpus=workers or 0, store_mb=_STORE_MB)

    @property
    def workers(self) -> int:
        """Worker processes of the last run."""
        return self._workers

    def run(self, flow: Flow, tasks: Iterable[Task]) -> Generator[Event, None, None]:
        """Curate sources; see `Engine`. Raises ConfigError if the cluster has no room for a worker."""
        parts = segments(flow.stages)
        return self._execute(lending(flow, parts), parts, tasks)

    def map(self, stages: tuple[Stage[Any, Any], ...], items: Iterable[Any]) -> Generator[Outcome[Any], None, None]:
        """Outcomes of independent items; see `Engine`."""
        with contextlib.closing(self._execute(Mapping(stages), (Segment(stages, lent=False),), items)) as events:
            for event in events:
                if isinstance(event, Mapped):
                    yield from event.outcomes

    def close(self) -> None:
        """Leave the cluster, and stop it if it was started here."""
        self._cluster.close()

    def _execute(self, job: Job[T], parts: tuple[Segment, ...], tasks: Iterable[T]) -> Generator[Event, None, None]:
        waiting = iter(tasks)
        first = next(waiting, None)
        if first is None:
            return
        self._cluster.connect()
        from pipelines.engines.ray.run import RayRun

        home, lent = self._crews(parts)
        run = RayRun(job, chain([first], waiting), home, lent)
        try:
            yield from run.events()
        except KeyboardInterrupt:
            yield from run.delivered()
            raise
        finally:
            run.stop()

    def _crews(self, parts: tuple[Segment, ...]) -> tuple[Crew, dict[int, tuple[Segment, Crew]]]:
        """Who works on the stages at home, and who on each lent segment."""
        nodes, away = alive_nodes(), [number for number, part in enumerate(parts) if part.lent]
        at_home = [stage for part in parts if not part.lent for stage in part.stages]
        needs = [Need(tuple(stage.name for stage in at_home), fused(at_home), self._most)]
        needs += [Need(parts[number].names, fused(parts[number].stages)) for number in away]
        counts = place(needs, nodes)
        self._workers = counts[0]
        home, *others = [self._crew(need, count, nodes) for need, count in zip(needs, counts, strict=True)]
        return home, {number: (parts[number], crew) for number, crew in zip(away, others, strict=True)}

    def _crew(self, need: Need, count: int, nodes: Sequence[Node]) -> Crew:
        limit = memory_limit_bytes(need, nodes) if self._memory_mb is None else self._memory_mb * 2**20
        pool = Pool(1, max(1, round(need.resources.cpus)), limit, self._limits)
        return Crew(need.names, count, need.resources, pool, self._config.start_s)
