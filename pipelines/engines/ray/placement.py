"""How many workers of each kind a cluster holds, known before anything waits for a place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from schemas.errors import ConfigError
from transforms.stage import Resources, Stage

_MEMORY_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Node:
    """Resources of a machine, in Ray's books."""

    cpus: float
    gpus: float
    memory_bytes: int

    def holds(self, need: Resources) -> bool:
        """A worker of this kind fits."""
        enough_memory = self.memory_bytes >= need.memory_mb * 2**20
        return self.cpus >= need.cpus and self.gpus >= need.gpus and enough_memory

    def without(self, need: Resources) -> Node:
        """What is left beside a worker."""
        left_bytes = self.memory_bytes - need.memory_mb * 2**20
        return replace(self, cpus=self.cpus - need.cpus, gpus=self.gpus - need.gpus, memory_bytes=left_bytes)


@dataclass(frozen=True, slots=True)
class Need:
    """Workers of one kind. names: their stages, for messages. most: of such workers; None, all that fit."""

    names: tuple[str, ...]
    resources: Resources
    most: int | None = None


def fused(stages: Iterable[Stage[Any, Any]]) -> Resources:
    """What one process needs that runs the stages one after the other: their GPU models stay, the rest is shared."""
    needs = [stage.resources for stage in stages]
    return Resources(max(n.cpus for n in needs), sum(n.gpus for n in needs), max(n.memory_mb for n in needs))


def place(needs: Sequence[Need], nodes: Sequence[Node]) -> list[int]:
    """Workers of each kind: one of each first, then as many as fit, kinds with GPUs before others.

    Raises ConfigError that names stages and resources if the nodes do not hold one of each at the same time.
    """
    free, counts = list(nodes), [0] * len(needs)
    order = sorted(range(len(needs)), key=lambda i: (-needs[i].resources.gpus, -needs[i].resources.cpus))
    for index in order:
        if not _take(free, needs[index].resources):
            raise ConfigError(_refusal(needs[index], nodes))
        counts[index] = 1
    for index in order:
        most = needs[index].most
        while (most is None or counts[index] < most) and _take(free, needs[index].resources):
            counts[index] += 1
    return counts


def memory_limit_bytes(need: Need, nodes: Sequence[Node]) -> int:
    """What a worker may hold: an equal share of four fifths of the fullest node, at least what it declares."""
    shares = [node.memory_bytes * _MEMORY_SHARE / _slots(node, need.resources) for node in nodes]
    fitting = [share for share, node in zip(shares, nodes, strict=True) if node.holds(need.resources)]
    return max(need.resources.memory_mb * 2**20, int(min(fitting)))


def _slots(node: Node, need: Resources) -> int:
    by_cpus = node.cpus / need.cpus if need.cpus else 1
    return max(1, int(min(by_cpus, node.gpus / need.gpus) if need.gpus else by_cpus))


def _take(free: list[Node], need: Resources) -> bool:
    """Take a place, on a node without GPUs if there is one, as Ray does."""
    fitting = [index for index, node in enumerate(free) if node.holds(need)]
    if not fitting:
        return False
    index = min(fitting, key=lambda i: free[i].gpus)
    free[index] = free[index].without(need)
    return True


def _refusal(need: Need, nodes: Sequence[Node]) -> str:
    wanted = need.resources
    offers = "; ".join(f"{n.cpus:g} CPUs, {n.gpus:g} GPUs, {n.memory_bytes // 2**20} MiB" for n in nodes) or "none"
    alone = any(node.holds(wanted) for node in nodes)
    return (
        f"the Ray cluster has no room for a worker of {' + '.join(need.names)}, which needs {wanted.cpus:g} CPUs, "
        f"{wanted.gpus:g} GPUs and {wanted.memory_mb} MiB of memory on one node"
        f"{' beside the workers of the other stages' if alone else ''}. Nodes offer: {offers}. "
        "Add a node that is large enough, start Ray there with more (ray start --num-cpus, --num-gpus, --memory), or "
        "choose annotators that need less."
    )
