"""Workers of a farm on the nodes of a Ray cluster: an actor on each place, which keeps a worker process.

A worker's crashes end in its process, whose actor tells the driver; a lost node ends the actor, which Ray tells.
"""

from __future__ import annotations

import pickle
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing import connection
from typing import Any

import ray
from ray.exceptions import RayError

from pipelines.engines.local.engine import memory_share_bytes
from pipelines.engines.local.process import WorkerProcess
from pipelines.engines.ray.cluster import Cluster, alive_nodes
from pipelines.engines.ray.placement import Node
from pipelines.engines.ray.studio import in_a_line, kill
from pipelines.farm.worker import Rendering
from schemas.config import RayConfig
from schemas.errors import ConfigError

_STORE_MB = 128
"""Nothing large goes through Ray: inputs, states and videos are files."""
_ANSWER_S = 1.0
_ROUNDING = 1e-6
"""Ten tenths of a GPU are a whole one."""


@dataclass(frozen=True, slots=True)
class Heard:
    """messages: of the worker. dead: how it ended, and its last words."""

    messages: tuple[list[Any], ...]
    dead: tuple[str, str] | None = None


class Carrier:
    """The actor: a worker process on a node, and the way to it."""

    def __init__(self, work: bytes, memory_bytes: int | None) -> None:
        """work: a pickled `Rendering`. memory_bytes: the process may hold; None: what the node has."""
        self._worker = WorkerProcess(1, memory_bytes or memory_share_bytes(1))
        self._worker.take_on(work)
        self._worker.send("render")

    def send(self, message: Any) -> None:
        """Pass an order on. Called beside `listen`."""
        self._worker.send(message)

    def listen(self) -> Heard:
        """What the worker says, within a moment."""
        connection.wait([self._worker.pipe], _ANSWER_S)
        messages = []
        while message := self._worker.receive():
            messages.append(message)
        dead = (self._worker.death(), self._worker.last_words()) if message is None else None
        return Heard(tuple(messages), dead)

    def close(self) -> None:
        """End the process."""
        self._worker.kill()


class RayHand:
    """An actor as the driver sees it."""

    def __init__(self, number: int, actor: Any) -> None:
        self.number, self.ready, self.seen_at = number, False, time.monotonic()
        self._actor = actor
        self._inbox: deque[list[Any]] = deque()
        self._dead: tuple[str, str] | None = None
        self.call = actor.listen.remote()

    def send(self, message: Any) -> None:
        """See `Hand`."""
        self._actor.send.remote(message)

    def receive(self) -> list[Any] | None:
        """See `Hand`."""
        if not self._inbox and self._dead is None:
            self._ask()
        if self._inbox:
            self.seen_at = time.monotonic()
            return self._inbox.popleft()
        return [] if self._dead is None else None

    def _ask(self) -> None:
        answered, _ = ray.wait([self.call], timeout=0)
        if not answered:
            return
        try:
            heard: Heard = ray.get(self.call)
        except RayError as error:
            self._dead = in_a_line(error), ""
            return
        self._inbox.extend(heard.messages)
        self._dead = heard.dead
        if heard.dead is None:
            self.call = self._actor.listen.remote()

    def rss_bytes(self) -> int:
        """Not known here; the process itself gets no more than its share."""
        return 0

    def death(self) -> str:
        """See `Hand`."""
        return self._dead[0] if self._dead else "ended"

    def last_words(self) -> str:
        """See `Hand`."""
        return self._dead[1] if self._dead else ""

    def kill(self) -> None:
        """See `Hand`. The process dies with its actor."""
        kill(self._actor)

    def close(self) -> None:
        """See `Hand`."""
        kill(self._actor)


class RayCrew:
    """Actors, each with a processor and a GPU or a share of one; without GPUs where the cluster has none.

    workers: None, as many as there are places.
    """

    def __init__(self, work: Rendering, workers: int | None, config: RayConfig) -> None:
        """Raises ConfigError if no cluster answers, or it has no place for so many workers."""
        self._cluster = Cluster(config, cpus=workers or 0, store_mb=_STORE_MB)
        self._cluster.connect()
        nodes, share = alive_nodes(), config.gpus_per_worker
        if share is None:
            share = 1.0 if any(node.gpus >= 1 for node in nodes) else 0.0
        self._need = {"num_cpus": 1, "num_gpus": share}
        places = sum(_places(node, share) for node in nodes)
        self.workers = workers or places
        if not 0 < self.workers <= places:
            self._cluster.close()
            raise ConfigError(_too_many(workers or 1, places, share, nodes))
        self.memory_bytes = 2**62
        self._work, self._hired = work, 0

    def hire(self) -> RayHand:
        """See `Crew`."""
        options: dict[str, Any] = {
            **self._need,
            "max_restarts": 0,
            "max_concurrency": 2,
            "scheduling_strategy": "SPREAD",
        }
        actor: Any = ray.remote(**options)(Carrier)
        self._hired += 1
        # Ray shows an actor its own GPU alone: the first.
        return RayHand(self._hired, actor.remote(pickle.dumps(replace(self._work, place=0)), None))

    def wait(self, hands: Sequence[RayHand], seconds: float) -> None:
        """See `Crew`."""
        if hands:
            ray.wait([hand.call for hand in hands], timeout=seconds)

    def close(self) -> None:
        """Leave the cluster, and stop it if it was started here."""
        self._cluster.close()


def _places(node: Node, share: float) -> int:
    """Workers that a node has room for."""
    return min(int(node.cpus), int(node.gpus / share + _ROUNDING) if share else int(node.cpus))


def _too_many(workers: int, places: int, share: float, nodes: Sequence[Node]) -> str:
    need = f"a processor and {share:g} of a GPU" if share else "a processor"
    offers = ", ".join(f"{node.cpus:g} processors and {node.gpus:g} GPUs" for node in nodes)
    return f"{workers} workers, each with {need}, do not fit: the Ray cluster has room for {places} ({offers})"
