"""Where and how the networks of research-grade annotators run. Import this module only where torch is installed.

Halving batches keeps a clip from failing on a GPU that is smaller than the batch was meant for.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TypeVar

import torch

from schemas.config import ComputeConfig
from schemas.errors import ConfigError, FiguregroundError

Item = TypeVar("Item")
Result = TypeVar("Result")

_PRECISIONS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
_LOWERED = frozenset({"cuda"})
"""Kinds of device that compute in the precision of the configuration."""


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
    lower = device.type in _LOWERED and precision is not torch.float32
    with torch.inference_mode(), torch.autocast(device.type, precision) if lower else nullcontext():
        yield


@contextmanager
def enough_memory(annotator: str, relief: str) -> Iterator[None]:
    """Raises FiguregroundError, which tells of a relief, where the GPU's memory is too small for what is within."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        told = str(error).partition("\n")[0][:300]
        raise FiguregroundError(f"the GPU's memory is too small for {annotator}. {relief} ({told})") from None


def release_memory() -> None:
    """Give the GPU back what freed networks held and torch keeps for later."""
    if torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()


class Batches:
    """Work on items in batches, the size of which is halved when the GPU's memory is too small, and stays so."""

    def __init__(self, size: int) -> None:
        self.size = size

    def run(self, work: Callable[[Sequence[Item]], Iterable[Result]], items: Sequence[Item]) -> Iterator[Result]:
        """Results of all items, in order. Raises torch.OutOfMemoryError if not even one item fits."""
        start = 0
        while start < len(items):
            batch = items[start : start + self.size]
            results: list[Result] | None = None
            try:
                results = list(work(batch))
            except torch.OutOfMemoryError:
                if len(batch) == 1:
                    raise
            if results is None:  # by now the error is gone, and with it the tensors that it held
                self.size = len(batch) // 2
                release_memory()
                continue
            yield from results
            start += len(batch)
