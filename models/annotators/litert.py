"""Running tflite files with LiteRT on CPU (XNNPACK)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from schemas.arrays import F32


class LiteRtNetwork:
    """A tflite network with one float32 image input; outputs by name."""

    def __init__(self, path: Path, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        with _without_native_stderr():
            self._interpreter = Interpreter(str(path), num_threads=threads)
            self._interpreter.allocate_tensors()
        image = self._interpreter.get_input_details()[0]
        self._input = image["index"]
        self._outputs = {detail["name"]: detail["index"] for detail in self._interpreter.get_output_details()}
        self.side = int(image["shape"][1])

    def __call__(self, image_HW3: F32) -> dict[str, F32]:
        """Outputs for one picture of the network's size, already in its value range; batch axis dropped.

        They are views of the network's own memory: take what is wanted of them and let them go before the next call,
        which raises RuntimeError otherwise.
        """
        self._interpreter.set_tensor(self._input, image_HW3[None])
        self._interpreter.invoke()
        return {name: self._interpreter.tensor(index)()[0] for name, index in self._outputs.items()}


def sigmoid(x: F32) -> F32:
    """Logistic function, safe for large logits."""
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -50, 50))), np.float32)


@contextlib.contextmanager
def _without_native_stderr() -> Iterator[None]:
    """LiteRT announces its delegate on the bare file descriptor, through any progress display; it has no switch."""
    kept = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
