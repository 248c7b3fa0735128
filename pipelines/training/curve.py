"""The learning curve: lines for a person, JSON lines for a program, TensorBoard for both."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.generator.training.step import Losses
from pipelines.timeleft import in_words

_LATE = 500
"""Timesteps from which errors are reported apart as those of the mean prediction."""


@dataclass(slots=True)
class Curve:
    """Gathers steps and reports their means every `every` steps. write: for a person; board: a SummaryWriter."""

    out: Path
    steps: int
    every: int
    write: Callable[[str], None]
    board: Any = None
    _gathered: dict[str, list[float]] = field(default_factory=dict)

    def add(self, step: int, losses: Losses, rate: float, seconds: float) -> None:
        """Take in a step."""
        self._put("loss", losses.loss.item())
        late = losses.timestep_B >= _LATE
        for name, error_BT in losses.errors.items():
            if late.any():
                self._put(f"error/{name}", error_BT[late].mean().item())
        self._put("seconds", seconds)
        self._gathered["learning_rate"] = [rate]
        if step % self.every == 0 or step == self.steps:
            self.report(step)

    def report(self, step: int, more: dict[str, float] | None = None) -> None:
        """Write the means so far, or other numbers."""
        numbers = {name: sum(values) / len(values) for name, values in self._gathered.items()} if more is None else more
        if more is None:
            self._gathered.clear()
        with (self.out / "curve.jsonl").open("a") as file:
            file.write(json.dumps({"step": step, "time": round(time.time(), 1)} | _rounded(numbers)) + "\n")
        if self.board is not None:
            for name, value in numbers.items():
                self.board.add_scalar(name, value, step)
        said = "  ".join(f"{name.removeprefix('error/')} {value:.4g}" for name, value in numbers.items())
        left = in_words((self.steps - step) * numbers["seconds"]) if "seconds" in numbers else ""
        self.write(f"step {step}/{self.steps}  {said}  {left}".rstrip())

    def _put(self, name: str, value: float) -> None:
        self._gathered.setdefault(name, []).append(value)


def _rounded(numbers: dict[str, float]) -> dict[str, float]:
    return {name: float(f"{value:.6g}") for name, value in numbers.items()}
