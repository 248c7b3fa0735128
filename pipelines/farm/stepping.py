"""Videos made clip by clip, several at a time: what a worker of the farm needs of a renderer. Needs torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from pipelines.farm.folder import Save
from pipelines.render_inputs import Inputs


@dataclass(frozen=True, slots=True)
class Made:
    """A clip. frames: (3, H, W) in 0..1, without what the clip before has shown; waits until they are decoded.

    save: writes what is needed to go on after it; None where nothing is.
    """

    frames: Callable[[], Iterator[Tensor]]
    save: Save | None


class Video(Protocol):
    """A video under way. clips: of the whole. next_clip: to make next."""

    clips: int
    next_clip: int

    def draw(self, clip: int) -> Any:
        """What drives a clip, as `Stepper.step` wants it. Called in a thread of its own, a clip ahead."""
        ...

    def kind(self, drawn: Any) -> tuple[int, ...]:
        """Videos whose clips are of one kind can be stepped together."""
        ...


class Stepper(Protocol):
    """A renderer that goes clip by clip. `prepare` and `draw` are called beside `step`.

    precision: what its network computes in; None: it has none.
    """

    precision: str | None

    def prepare(self, inputs: Inputs, clip: int, state: Path | None, *, grid: bool) -> Video:
        """A video that goes on with a clip. state: after the clip before; None where the video begins."""
        ...

    def step(self, videos: Sequence[Any], drawn: Sequence[Any], alive: Callable[[], None]) -> list[Made]:
        """Make the next clip of each video, all of one kind; they go on only if all succeed. alive: called meanwhile.

        Raises GenerationError where what is made is no picture.
        """
        ...

    def close(self) -> None:
        """Free what threads it has."""
        ...
