"""The actor that holds the stages of a lent segment, on a GPU."""

from __future__ import annotations

import os
from typing import Any

import psutil

from pipelines.chain import Chain
from pipelines.engines.local.worker import portable
from pipelines.engines.ray.lending import Returned, answer
from schemas.errors import FiguregroundError
from schemas.records import Clip
from transforms.stage import Stage


class Annotator:
    """Answers one clip at a time. The clip's frames are read where the object store holds them."""

    def __init__(self, stages: tuple[Stage[Any, Any], ...]) -> None:
        self._stages = stages

    def ready(self) -> FiguregroundError | int:
        """Set the stages up: the process id, or the error that every other annotator would meet too."""
        try:
            Chain(self._stages).setup()
        except Exception as error:  # an error of another kind may not survive the way to the driver
            return portable(error, "a worker could not be set up")
        return os.getpid()

    def work(self, clip: Clip) -> tuple[bool, Returned]:
        """Two returns: a sign for the driver, which looks no further, and what became of the clip."""
        return True, answer(self._stages, clip)

    def held_bytes(self) -> int:
        """Memory of this process, what it shares with the object store aside. Called beside `work`."""
        memory = psutil.Process().memory_info()
        return int(memory.rss - getattr(memory, "shared", 0))

    def stop(self) -> None:
        """Tear the stages down."""
        Chain(self._stages).teardown()
