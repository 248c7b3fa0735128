"""The actors of one kind that a run may have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipelines.engines.local.run import Pool
from pipelines.engines.ray.cluster import available
from transforms.stage import Resources


@dataclass(frozen=True, slots=True)
class Crew:
    """names: of the stages they hold. number: of actors. resources: of each, in Ray's books.

    pool: the worker process of each. start_s: how long a run goes on without any of them.
    """

    names: tuple[str, ...]
    number: int
    resources: Resources
    pool: Pool
    start_s: float

    def options(self) -> dict[str, Any]:
        """Options of the actors. They are replaced by the driver, which knows what they were doing, not by Ray."""
        need = self.resources
        return {
            "num_cpus": need.cpus,
            "num_gpus": need.gpus,
            "memory": need.memory_mb * 2**20,
            "max_restarts": 0,
            "scheduling_strategy": "SPREAD",
        }

    def absence(self) -> str:
        """Why nothing happens, for the user."""
        need, free = self.resources, available()
        return (
            f"the Ray cluster started no worker of {' + '.join(self.names)} within {self.start_s:g} s (ray.start_s). "
            f"Each needs {need.cpus:g} CPUs, {need.gpus:g} GPUs and {need.memory_mb} MiB; free in all are "
            f"{free.cpus:g} CPUs, {free.gpus:g} GPUs and {free.memory_bytes // 2**20} MiB. Free some, or wait longer."
        )
