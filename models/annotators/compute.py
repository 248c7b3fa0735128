"""Where and how the networks of research-grade annotators run. Import this module only where torch is installed.

Halving batches keeps a clip from failing on a GPU that is smaller than the batch was meant for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TypeVar

import torch

from schemas.config import ComputeConfig
from schemas.errors import ConfigError, FiguregroundError

Item = TypeVar("Item")
Result = TypeVar("Result")

_PRECISIONS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def device_of(compute: ComputeConfig, annotator: str) -> torch.device:
    """The device named in the configuration. Raises ConfigError if it is no device, or is a GPU and there is none."""
    try:
        device = torch.device(compute.device)
    except RuntimeError as error:
        raise ConfigError(f"compute.device={compute.device} is no device: {error}") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"{annotator} is to run on {compute.device}, but there are {torch.cuda.device_count()} GPUs here. "
            "Set compute.device=cpu to run it, slowly, without one"
        )
    return device


@contextmanager
def inference(compute: ComputeConfig, device: torch.device) -> Iterator[None]:
    """No gradients, and on a GPU the precision of the configuration; a CPU computes in float32."""
    precision = _PRECISIONS[compute.precision]
    lower = device.type == "cuda" and precision is not torch.float32
    with torch.inference_mode(), torch.autocast(device.type, precision) if lower else nullcontext():
        yield


class Batches:
    """Work on items in batches, the size of which is halved when the GPU's memory is too small, and stays so."""

    def __init__(self, size: int) -> None:
        self.size = size

    def run(self, work: Callable[[Sequence[Item]], Iterable[Result]], items: Sequence[Item]) -> Iterator[Result]:
        """Results of all items, in order. Raises FiguregroundError if not even one item fits."""
        start = 0
        while start < len(items):
            batch = items[start : start + self.size]
            try:
                results = list(work(batch))
            except torch.OutOfMemoryError as error:
                self._halve(len(batch), error)
                continue
            yield from results
            start += len(batch)

    def _halve(self, tried: int, error: Exception) -> None:
        if tried == 1:
            raise FiguregroundError(f"the GPU's memory is too small for a single picture or point: {error}") from None
        self.size = tried // 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
