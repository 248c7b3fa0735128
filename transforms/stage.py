"""The stage contract: what every engine runs.

A stage is a picklable configuration plus `setup`, `process` and `teardown`. Engines move items between
stages as outcomes; an exception in `process` becomes `Failed` here, once, for all stages and engines.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from schemas.errors import FiguregroundError
from schemas.outcomes import Failed, Outcome

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True, slots=True)
class Resources:
    """What one copy of a stage needs. Fractions of a GPU are allowed."""

    cpus: float = 1.0
    gpus: float = 0.0
    memory_mb: int = 512


class Stage(ABC, Generic[In, Out]):
    """One step. Picklable before `setup`; `setup` loads what does not travel, `teardown` frees it.

    name: shown in progress and counts. accepts: items of any other type pass by untouched.
    """

    name: ClassVar[str]
    accepts: ClassVar[type]
    resources: ClassVar[Resources] = Resources()

    @property
    def gpu_number(self) -> int | None:
        """Number of the only GPU that it may work on, as CUDA counts them; None: any that the engine gives it."""
        return None

    def setup(self) -> None:
        """Load models, open files. Called once in the process that runs the stage."""

    @abstractmethod
    def process(self, item: In) -> Iterable[Outcome[Out]]:
        """Outcomes for one item, lazily if there are many. May raise: the item then failed."""

    def teardown(self) -> None:
        """Free what `setup` took."""


def run_stage(stage: Stage[Any, Any], item: Any) -> Iterator[Outcome[Any]]:
    """Outcomes of a stage for an item; whatever it raises becomes the last outcome, `Failed`.

    Raises MemoryError, which is no answer to the item: the process has no more to give.
    """
    try:
        yield from stage.process(item)
    except MemoryError:
        raise
    except Exception as error:  # the contract: one item's failure is data
        meant = isinstance(error, FiguregroundError)  # whose words are for the reader
        yield Failed(item, str(error) if meant else f"{type(error).__name__}: {error}")
