"""Workers of a farm on this machine."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing import connection

from pipelines.engines.local.engine import memory_share_bytes, processors
from pipelines.engines.local.process import WorkerProcess
from pipelines.farm.worker import Rendering


class LocalCrew:
    """Worker processes. workers: None, one a processor; GPUs are dealt out to them in turn."""

    def __init__(self, work: Rendering, workers: int | None) -> None:
        self.workers = workers or processors()
        self.memory_bytes = memory_share_bytes(self.workers)
        self._work = work
        self._hired = 0

    def hire(self) -> WorkerProcess:
        """See `Crew`."""
        worker = WorkerProcess(1, self.memory_bytes)
        worker.take_on(pickle.dumps(replace(self._work, place=self._hired)))
        worker.send("render")
        self._hired += 1
        return worker

    def wait(self, hands: Sequence[WorkerProcess], seconds: float) -> None:
        """See `Crew`."""
        connection.wait([hand.pipe for hand in hands], seconds)

    def close(self) -> None:
        """Nothing lasts longer than the workers."""
