"""What a worker of the farm does, as a job of one endless task."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from pipelines.events import Event
from pipelines.farm.folder import RendersFolder, Row
from pipelines.job import Job
from pipelines.render_card import ModelCard
from schemas.reasons import SourceReason

if TYPE_CHECKING:
    from pipelines.farm.stepping import Stepper


@dataclass
class Rendering(Job[str]):
    """Renders what it is sent over its pipe, until it is told to leave. Its one task is the whole of that.

    facts: that go into every verdict. batch: videos stepped together at most. place: number of the worker; GPUs are
    dealt out in turn.
    """

    corpus: str
    folder: RendersFolder
    card: ModelCard
    facts: Row
    batch: int = 1
    grid: bool = False
    place: int = 0

    def attach(self, pipe: Connection) -> None:
        """Orders come over this pipe, and news goes."""
        self._pipe = pipe

    def setup(self) -> None:
        """Load the model and open the corpus, once."""
        import torch

        from pipelines.corpus.read import Corpus

        torch.set_num_threads(1)  # more of them may round differently; a machine is filled with workers
        if torch.cuda.is_available():
            torch.cuda.set_device(self.place % torch.cuda.device_count())
        self._stepper = _stepper_of(self.card)
        self._facts = self.facts | {"precision": self._stepper.precision}
        self._opened = Corpus(self.corpus)

    def run(self, task: str) -> Iterator[Event]:
        """Work until told to leave. Raises CorpusError where nothing can be written."""
        from pipelines.farm.bench import Bench
        from pipelines.farm.desk import Desk

        bench = Bench(self._pipe, self._stepper, self.batch)
        desk = Desk(self._opened, self.folder, self.card, self._facts, self.grid, self._stepper, bench.ring)
        with contextlib.closing(desk):
            bench.work(desk)
        yield from ()

    def teardown(self) -> None:
        """End the model's threads."""
        self._stepper.close()

    def give_up(self, task: str, reason: SourceReason, detail: str) -> Iterator[Event]:
        """Never: the driver of a farm does not hand its workers out by task."""
        yield from ()


def _stepper_of(card: ModelCard) -> Stepper:
    """The stepper of a renderer, with its model loaded. Raises WeightsError for a folder that doesn't load whole."""
    if card.folder is None:
        from pipelines.farm.stepping_warp import WarpStepper

        return WarpStepper(card)
    from pipelines.farm.stepping_model import ModelStepper

    return ModelStepper(card)
