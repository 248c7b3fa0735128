"""The Ray cluster a run uses: one that is there already, or one of its own on this machine."""

from __future__ import annotations

import logging
import os
import socket
from typing import Any

from pipelines.engines.local.engine import processors
from pipelines.engines.ray.placement import Node
from schemas.config import RayConfig
from schemas.errors import ConfigError

_QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
_KNOCK_S = 10.0
_TRIES = 3
_LOCAL_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Ray's ports run code for whoever connects; without this switch they are open to the network.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}


class Cluster:
    """A connection to Ray, made when it is first needed. A cluster that the process is connected to is used as it is.

    cpus: that the machine's own cluster must offer at least. store_mb: size of its object store.
    """

    def __init__(self, config: RayConfig, cpus: float, store_mb: int) -> None:
        self._address = config.address
        self._cpus = cpus
        self._store_mb = store_mb
        self._ours = False

    def connect(self) -> None:
        """Connect once. Raises ConfigError if no cluster answers at the address."""
        if self._address is None:
            os.environ.update(_LOCAL_ENVIRONMENT)
        import ray

        if ray.is_initialized():
            return
        if self._address is None:
            self._start()
        else:
            try:
                self._knock()
                ray.init(address=self._address, **_QUIET)
            except (ConnectionError, RuntimeError, ValueError, OSError) as error:
                hint = "" if "RAY_AUTH_MODE" in os.environ else "; if the cluster asks for a token: RAY_AUTH_MODE=token"
                raise ConfigError(f"no Ray cluster at ray.address={self._address}: {error}{hint}") from None
        self._ours = True

    def _start(self) -> None:
        """Start a cluster. On a busy machine its parts miss each other's deadlines: then it is tried again."""
        import ray

        for left in reversed(range(_TRIES)):
            try:
                ray.init(**self._own())
                return
            except Exception as error:  # Ray raises bare ones
                ray.shutdown()
                if not left:
                    raise ConfigError(f"Ray cannot be started on this machine: {error}") from None

    def close(self) -> None:
        """Leave the cluster, and stop it if it was started here."""
        if self._ours:
            import ray

            ray.shutdown()
            self._ours = False

    def _knock(self) -> None:
        """Ray itself would try for minutes. Raises OSError if nobody listens at the address."""
        host, _, port = (self._address or "").removeprefix("ray://").rpartition(":")
        if host and port.isdecimal():
            socket.create_connection((host.strip("[]"), int(port)), _KNOCK_S).close()

    def _own(self) -> dict[str, Any]:
        return {
            "address": "local",
            "num_cpus": max(processors(), self._cpus),
            "include_dashboard": False,
            "object_store_memory": self._store_mb * 2**20,
            **_QUIET,
        }


def alive_nodes() -> list[Node]:
    """What the nodes of the connected cluster offer in all, in use or not."""
    return [_node(node["Resources"]) for node in _ray().nodes() if node["Alive"]]


def available() -> Node:
    """What is free now, over all nodes."""
    return _node(_ray().available_resources())


def _node(offer: dict[str, float]) -> Node:
    return Node(offer.get("CPU", 0.0), offer.get("GPU", 0.0), int(offer.get("memory", 0)))


def _ray() -> Any:
    import ray

    return ray
